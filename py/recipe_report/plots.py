"""Small plots as inline SVG: the same numbers give the same bytes, text has the page's colour and font."""

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

BLUE, RED, GREY, ORANGE = "#0072b2", "#d55e00", "#9a9a9a", "#e69f00"
INK = "#010203"  # stands for the page's text colour
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(
        ("text.color", "grid.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK
    ),
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
MOST_BINS, MOST_UNIT_BINS = 50, 120


def svg_of(figure: Figure, label: str) -> Markup:
    """``figure`` as an SVG element that fills its place; ``label`` says what it shows, for screen readers."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": label}):  # ids that no other plot of the page has
        figure.savefig(file, format="svg", transparent=True, metadata=NO_METADATA)
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    size = re.search(r'viewBox="[^"]*"', text)[0]
    opening = Markup('<svg role="img" aria-label="{}" {}>').format(label, Markup(size))
    body = re.sub(r"font-family: [^;\"]*;? ?", "", text[text.index(">") + 1 :].replace(INK, "currentColor"))
    return opening + Markup(re.sub(r"\n\s*", "\n", body).strip())


def edges_of(values: np.ndarray, border: float | None = None) -> np.ndarray:
    """Edges of a histogram's bins: one a number for few whole numbers, else up to 50 without the outliers.

    ``border``: a value that must not lie within a bin.
    """
    low, high = values.min(), values.max()
    if high - low < MOST_UNIT_BINS and (values == np.round(values)).all():
        return np.arange(low - 0.5, high + 1)
    most, least = np.quantile(values, (0.999, 0.001))
    if high - low > 3 * (most - least) > 0:
        low, high = least, most
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, min(MOST_BINS, 8 + int(len(values) ** 0.5)) + 1)
    if border is None or not low < border < high:
        return edges
    width = edges[1] - edges[0]
    return border + width * np.arange(np.floor((low - border) / width), np.ceil((high - border) / width) + 1)


def axes_of(width: float, height: float) -> tuple[Figure, matplotlib.axes.Axes]:
    """An empty figure, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def finish(axes: matplotlib.axes.Axes) -> None:
    """What all histograms share: records upwards, in whole numbers."""
    axes.set_ylabel("records")
    axes.margins(x=0.01)
    axes.yaxis.get_major_locator().set_params(integer=True)


@matplotlib.rc_context(STYLE)
def histogram(
    classes: Mapping[str, Sequence[float]], colours: dict[str, str], lines: list[float], label: str
) -> Markup:
    """Stacked histogram of each class's values, with a dashed line at each of ``lines``.

    Values beyond the outermost edges stand in the outermost bins.
    """
    arrays = {name: np.asarray(values) for name, values in classes.items()}
    edges = edges_of(np.concatenate(list(arrays.values())), lines[0] if lines else None)
    figure, axes = axes_of(3.6, 2.0)
    base = np.zeros(len(edges) - 1)
    for name, values in arrays.items():
        top = base + np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
        axes.stairs(top, edges, baseline=base, fill=True, color=colours[name])
        base = top
    for value in lines:
        axes.axvline(value, color=INK, linestyle="--", linewidth=1)
    finish(axes)
    return svg_of(figure, label)


@matplotlib.rc_context(STYLE)
def overlay(classes: Mapping[str, Sequence[float]], colours: dict[str, str], label: str) -> Markup:
    """Histograms of several statistics of the same records, one over the other."""
    arrays = {name: np.asarray(values) for name, values in classes.items()}
    edges = edges_of(np.concatenate(list(arrays.values())))
    figure, axes = axes_of(3.6, 2.0)
    for name, values in arrays.items():
        counts = np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
        axes.stairs(counts, edges, fill=True, color=colours[name], alpha=0.35)
        axes.stairs(counts, edges, color=colours[name], linewidth=1.2)
    finish(axes)
    return svg_of(figure, label)


@matplotlib.rc_context(STYLE)
def funnel(steps: list[dict], name: str = "Funnel") -> Markup:
    """A bar per step: what came out of it, what it dropped or repeated, and under it what it changed.

    ``name``: of what, where a page has several.
    """
    figure, axes = axes_of(3.8, 0.25 + 0.46 * len(steps))
    for row, step in enumerate(steps):
        common = min(step["in"], step["out"])
        axes.barh(row, common, 0.4, color=BLUE)
        axes.barh(row, step["in"] - common, 0.4, left=common, color=RED, alpha=0.75)
        axes.barh(row, step["out"] - common, 0.4, left=common, color=GREY)
        axes.barh(row + 0.26, step["changed"], 0.1, color=ORANGE)
        axes.text(0, row - 0.26, f"{step['op']}: {step['out']:,}", va="bottom", ha="left", fontsize=7.5)
    axes.set_ylim(len(steps) - 0.5, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    label = "; ".join(f"{s['op']}: {s['in']} in, {s['out']} out, {s['changed']} changed" for s in steps)
    return svg_of(figure, f"{name}: {label}")
