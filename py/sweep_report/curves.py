"""The losses of both trainings, a line a run, lightly smoothed."""

import matplotlib
import numpy as np
from markupsafe import Markup

from recipe_report.figures import Figure
from recipe_report.plots import STYLE, axes_of, svg_of
from sweep_report.colours import Look
from sweep_report.sources import Board
from sweep_report.words import counted

WINDOWS = 40  # a line is the running mean over this part of the steps
MOST_POINTS = 150  # of a line: the page stays small, the eye sees no more
NAMES = {"pretrain": "Pretraining", "finetune": "Finetuning"}


def smoothed(losses: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """(steps, running mean of the losses) at up to `MOST_POINTS` steps, first and last included."""
    window = max(1, len(losses) // WINDOWS)
    means = np.convolve(losses, np.full(window, 1 / window), "valid")
    steps = 1 + (window - 1) / 2 + np.arange(len(means))
    shown = np.unique(np.linspace(0, len(means) - 1, min(len(means), MOST_POINTS)).round().astype(int))
    return steps[shown], means[shown]


@matplotlib.rc_context(STYLE)
def lines(by_recipe: dict[str, list[list[float]]], looks: dict[str, Look], label: str) -> Markup:
    """Loss over steps, in the look of the recipe."""
    figure, axes = axes_of(3.9, 2.6)
    for recipe, runs in by_recipe.items():
        look = looks[recipe]
        for losses in runs:
            axes.plot(*smoothed(losses), color=look.colour, linestyle=look.line, linewidth=0.9, alpha=0.8)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.margins(x=0.01)
    axes.grid(alpha=0.12)
    return svg_of(figure, label)


def figures(board: Board, looks: dict[str, Look]) -> list[Figure]:
    """A figure for each training that logged losses."""
    found = []
    for stage, name in NAMES.items():
        logged = {
            recipe: [losses for run in runs if (losses := run.losses.get(stage))]
            for recipe, runs in board.runs.items()
        }
        logged = {recipe: runs for recipe, runs in logged.items() if runs}
        if not logged:
            continue
        count = sum(map(len, logged.values()))
        ends = [f"{recipe} {final(runs):.2f}" for recipe, runs in logged.items()]
        text = f"mean loss at the end: {', '.join(ends)}"
        svg = lines(logged, looks, f"{name}, loss of {counted(count, 'run')}; {text}")
        silent = len(board.all_runs) - count
        text += f"; {counted(silent, 'run')} without a log of losses" if silent else ""
        found.append(Figure(name, svg, [], text))
    return found


def final(runs: list[list[float]]) -> float:
    """Mean over the runs of where their smoothed lines end."""
    return float(np.mean([smoothed(losses)[1][-1] for losses in runs]))
