"""MMBench by category: each recipe's score over its runs, with an interval where a category can carry one."""

from typing import NamedTuple

import matplotlib
import numpy as np
from markupsafe import Markup

from leaderboard.estimates import score
from leaderboard.runs import Run
from recipe_report.plots import STYLE, axes_of, svg_of
from sweep_report.colours import Look
from sweep_report.evaluation import MMBENCH, Evaluation
from sweep_report.sources import Board
from sweep_report.words import few_words

MOST_INTERVALS = 8  # recipes, past which intervals would be a thicket


class Score(NamedTuple):
    """Percent; no interval where there is but one question."""

    value: float
    interval: list[float] | None


class Category(NamedTuple):
    """``scores``: {recipe: its score}; ``n``: questions, a circular group being one."""

    name: str
    n: int
    scores: dict[str, Score]


def categories(board: Board, evaluation: Evaluation) -> list[Category]:
    """The categories by name; empty without MMBench."""
    if MMBENCH not in board.tests:
        return []
    questions = board.all_runs[0].scores[MMBENCH]
    by_name: dict[str, list[str]] = {}
    for question in questions:
        by_name.setdefault(evaluation[MMBENCH][question].category or "none", []).append(question)
    return [
        Category(name, len(some), {recipe: score_of(runs, some) for recipe, runs in board.runs.items()})
        for name, some in sorted(by_name.items())
    ]


def score_of(runs: list[Run], questions: list[str]) -> Score:
    """The score of ``runs`` in some questions of MMBench."""
    mean, interval = score(
        np.array([[run.scores[MMBENCH][question] for question in questions] for run in runs])
    )
    return Score(mean, interval if len(questions) > 1 else None)


class Table(NamedTuple):
    """``rows``: (heading, a score for each of ``columns``)."""

    columns: list[str]
    rows: list[tuple[str, list[Score]]]


def table(found: list[Category]) -> Table:
    """The scores, a column for each of recipes or categories, whichever are fewer."""
    names = [f"{category.name} ({category.n:,})" for category in found]
    recipes = list(found[0].scores)
    cells = [list(category.scores.values()) for category in found]
    if len(recipes) > len(names):
        return Table(names, list(zip(recipes, map(list, zip(*cells, strict=True)), strict=True)))
    return Table(recipes, list(zip(names, cells, strict=True)))


@matplotlib.rc_context(STYLE)
def plot(found: list[Category], looks: dict[str, Look]) -> Markup:
    """A row a category, in it a mark for each recipe."""
    step = 0.8 / max(len(looks), 5)
    figure, axes = axes_of(5.2, 0.5 + max(0.42, 0.075 * len(looks)) * len(found))
    for row, category in enumerate(found):
        for place, (recipe, shown) in enumerate(category.scores.items()):
            look, height = looks[recipe], row + step * (place - (len(looks) - 1) / 2)
            if shown.interval and len(looks) <= MOST_INTERVALS:
                axes.plot(shown.interval, [height] * 2, color=look.colour, linewidth=1, alpha=0.55)
            axes.plot(shown.value, height, look.mark, color=look.colour, markersize=3.8)
    axes.set_yticks(range(len(found)), [f"{few_words(each.name, 26)} ({each.n:,})" for each in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_yticks([row + 0.5 for row in range(len(found) - 1)], minor=True)
    axes.grid(axis="y", which="minor", alpha=0.3)
    axes.grid(axis="x", alpha=0.12)
    axes.tick_params(axis="y", which="both", length=0)
    axes.set_xlabel("% right")
    told = "; ".join(
        f"{each.name}: {', '.join(f'{recipe} {shown.value:.1f}' for recipe, shown in each.scores.items())}"
        for each in found
    )
    return svg_of(figure, f"MMBench by category, percent: {told}")
