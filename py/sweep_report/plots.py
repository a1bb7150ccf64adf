"""The plots of scores and differences: a row a recipe, intervals, every run a dot."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboard.verdicts import BETTER, UNDECIDED, WORSE
from recipe_report.plots import BLUE, GREY, INK, RED, STYLE, axes_of, svg_of
from sweep_report.words import NO_VERDICT, few_words, signed, span

WIDTH, ROW, FRAME = 3.9, 0.3, 0.55  # inches: of a figure, of a recipe, of what is around the rows
LONGEST_NAME = 24
GREEN = "#009e73"
MARKS = {BETTER: ("^", GREEN), WORSE: ("v", RED), UNDECIDED: ("D", GREY), NO_VERDICT: ("D", GREY)}


class Row(NamedTuple):
    """A recipe's value; ``dots``: those of its runs; ``word``: its verdict, or empty."""

    name: str
    value: float
    interval: Sequence[float] | None
    dots: Sequence[float] = ()
    word: str = ""


def rows_of(names: Sequence[str]) -> tuple[Figure, Axes]:
    """An empty figure with a row for each of ``names``, the first on top."""
    figure, axes = axes_of(WIDTH, FRAME + ROW * len(names))
    axes.set_yticks(range(len(names)), [few_words(name, LONGEST_NAME) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", alpha=0.12)
    return figure, axes


def told(row: Row, digits: int, sign: str = "") -> str:
    """A row for who can't see it."""
    parts = [f"{row.name} {signed(row.value, digits, sign)}"]
    parts += [f"(95 % {span(list(row.interval), digits, sign)})"] if row.interval else []
    return " ".join([*parts, row.word]).strip()


@matplotlib.rc_context(STYLE)
def scores(rows: Sequence[Row], line: float | None, unit: str, label: str, digits: int = 1) -> Markup:
    """Each recipe's mean with its interval, its runs as dots below; ``line``: the baseline's mean."""
    figure, axes = rows_of([row.name for row in rows])
    for place, row in enumerate(rows):
        if row.interval:
            axes.plot(row.interval, [place - 0.1] * 2, color=BLUE, linewidth=2, solid_capstyle="butt")
        axes.plot(row.value, place - 0.1, "D", color=BLUE, markersize=4.5)
        dots = {"markerfacecolor": "none", "markersize": 3.6, "markeredgewidth": 0.9, "alpha": 0.9}
        axes.plot(row.dots, [place + 0.2] * len(row.dots), "o", markeredgecolor=INK, **dots)
    if line is not None:
        axes.axvline(line, color=INK, linestyle="--", linewidth=0.9)
    axes.set_xlabel(unit)
    return svg_of(figure, f"{label}: {'; '.join(told(row, digits) for row in rows)}")


@matplotlib.rc_context(STYLE)
def forest(rows: Sequence[Row], unit: str, label: str, digits: int = 1) -> Markup:
    """Differences to the baseline with their intervals about the line of none, and the verdict's word."""
    figure, axes = rows_of([row.name for row in rows])
    axes.axvline(0, color=INK, linewidth=0.9)
    for place, row in enumerate(rows):
        mark, colour = MARKS.get(row.word, ("D", GREY))
        if row.interval:
            axes.plot(row.interval, [place] * 2, color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(row.value, place, mark, color=colour, markersize=5.5)
        axes.text(1.02, place, row.word, transform=axes.get_yaxis_transform(), va="center")
    axes.set_xlabel(unit)
    return svg_of(figure, f"{label}: {'; '.join(told(row, digits, '+') for row in rows)}")
