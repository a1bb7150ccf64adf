"""The statistics of a survey as figures and as small tables."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from recipe_report import plots, survey
from recipe_report.texts import number

COLOURS = {
    survey.KEPT: plots.BLUE,
    survey.DROPPED: plots.RED,
    survey.DROPPED_BY_IT: plots.RED,
    survey.DROPPED_ELSEWHERE: plots.GREY,
}
COUNTED = "_rank"  # such statistics are told by their range alone


class Figure(NamedTuple):
    """A plot with its heading, legend (colour, meaning) and what it shows in words."""

    name: str
    svg: Markup
    legend: list[tuple[str, str]]
    text: str


def legend_of(classes: dict) -> list[tuple[str, str]]:
    """(colour, name and number of values) of each of ``classes``."""
    return [(COLOURS[name], f"{name} {len(values):,}") for name, values in classes.items()]


def ordered(by_fate: dict) -> dict:
    """``by_fate`` in the colours' order."""
    return {name: by_fate[name] for name in COLOURS if name in by_fate}


def chosen_of(threshold: dict) -> float | None:
    """The value of a threshold: the one that was chosen, or the one that was given."""
    given = [value for name, value in threshold["given"].items() if name.startswith("min_")]
    return survey.number_of(
        threshold["chosen"] if threshold.get("chosen") is not None else given[0] if given else None
    )


def threshold_lines(name: str, thresholds: list[dict]) -> list[tuple[float, str]]:
    """(value, what it is in words) of each threshold for the statistic ``name``."""
    lines = []
    for entry in thresholds:
        value, group = chosen_of(entry), (entry.get("within") or "").split(".")[-1]
        if entry["statistic"] == name and value is not None:
            kind = f"lowest threshold within a {group}" if group else "threshold"
            lines.append((value, f"{kind} {number(value)}"))
    return lines


def statistic_figures(found: survey.Survey, thresholds: list[dict]) -> list[Figure]:
    """A histogram of every numeric statistic, with a line at each threshold that was chosen for it."""
    figures = []
    for name, by_fate in found.numbers.items():
        if name.endswith(COUNTED):
            continue
        classes = ordered(by_fate)
        if name == "cluster":
            figures.append(cluster_figure(classes))
            continue
        lines = threshold_lines(name, thresholds)
        medians = [f"{fate} {number(float(np.median(values)))}" for fate, values in classes.items()]
        text = "; ".join([f"median: {', '.join(medians)}", *(told for _, told in lines)])
        svg = plots.histogram(classes, COLOURS, [value for value, _ in lines], f"Histogram of {name}: {text}")
        figures.append(Figure(name, svg, legend_of(classes), text))
    return figures


def cluster_figure(classes: dict) -> Figure:
    """Bars of the clusters' sizes."""
    sizes = np.unique(
        np.concatenate([np.asarray(values) for values in classes.values()]), return_counts=True
    )[1]
    text = f"{len(sizes):,} clusters, the largest of {sizes.max():,} records, the smallest of {sizes.min():,}"
    svg = plots.histogram(classes, COLOURS, [], f"Sizes of the clusters: {text}")
    return Figure("cluster", svg, legend_of(classes), text)


def before_after_figures(found: survey.Survey) -> list[Figure]:
    """Each statistic of the seed's caption over that of the caption after it, for records that have both."""
    figures = []
    for before, values in found.pairs.items():
        after = survey.BEFORE_AFTER[before]
        old, new = map(np.asarray, values)
        text = (
            f"{len(old):,} records have both: mean {number(float(old.mean()))} before, "
            f"{number(float(new.mean()))} after; higher after in {percent((new > old).sum(), len(old))}, "
            f"lower in {percent((new < old).sum(), len(old))}"
        )
        colours = {before: plots.GREY, after: plots.ORANGE}
        svg = plots.overlay({before: old, after: new}, colours, f"{before} and {after}: {text}")
        legend = [(plots.GREY, before), (plots.ORANGE, after)]
        figures.append(Figure(f"{before} → {after}", svg, legend, text))
    return figures


def percent(part: int, whole: int) -> str:
    """``12.3 %``; a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def small_counts(found: survey.Survey) -> list[tuple[str, str, str]]:
    """(statistic, fate, what its values are) of ranks, truth values and words."""
    rows = []
    for name, by_fate in found.flags.items():
        for fate, counts in ordered(by_fate).items():
            told = [f"{number(value)} {count:,}" for value, count in counts.most_common(8)]
            rows.append((name, fate, ", ".join(told)))
    for name, by_fate in found.numbers.items():
        if name.endswith(COUNTED):
            for fate, values in ordered(by_fate).items():
                rows.append(
                    (name, fate, f"{len(values):,} values, {number(min(values))} to {number(max(values))}")
                )
    return rows
