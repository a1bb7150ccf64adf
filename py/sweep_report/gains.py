"""What a recipe costs, and what it gains."""

from collections.abc import Callable
from typing import NamedTuple

import matplotlib
from markupsafe import Markup

from costs.units import duration, scaled
from recipe_report.figures import Figure
from recipe_report.plots import INK, STYLE, axes_of, svg_of
from sweep_report.answer import ratio_of
from sweep_report.colours import Look
from sweep_report.sources import Board


class Cost(NamedTuple):
    """A recipe's cost in words; ``calls``: {what was asked: how often}."""

    recipe: str
    calls: dict[str, int]
    synthesis_flop: str
    synthesis_time: str
    training_flop: str
    run_time: str


class Measure(NamedTuple):
    """What the plot's x axis tells: a field of the cost, in ``unit`` of so much."""

    field: str
    label: str
    unit: float


MEASURES = (
    Measure("synthesis_flop", "FLOP of synthesis, 10¹²", 1e12),
    Measure("synthesis_minutes", "minutes of synthesis", 1),
)


def costs(board: Board) -> list[Cost]:
    """The table's rows."""
    return [cost(entry["recipe"], entry["cost"]) for entry in board.entries]


def cost(recipe: str, told: dict) -> Cost:
    """``told``, as leaderboard.json has it, in words; a dash for what is not known."""

    def put(field: str, form: Callable[[float], str]) -> str:
        return "–" if told.get(field) is None else form(told[field])

    return Cost(
        recipe,
        told.get("model_calls") or {},
        put("synthesis_flop", lambda value: scaled(value, "FLOP")),
        put("synthesis_minutes", lambda value: duration(60 * value)),
        put("training_flop", lambda value: scaled(value, "FLOP")),
        put("run_minutes", lambda value: duration(60 * value)),
    )


def figure(board: Board, looks: dict[str, Look]) -> Figure | None:
    """Cost against ratio; None where fewer than two recipes have both."""
    for measure in MEASURES:
        shown = [
            entry
            for entry in board.entries
            if entry["cost"].get(measure.field) is not None and ratio_of(entry)["mean"] is not None
        ]
        if len(shown) > 1 and any(entry["cost"][measure.field] for entry in shown):
            return Figure("Cost against gain", scatter(shown, looks, measure), [], "")
    return None


@matplotlib.rc_context(STYLE)
def scatter(shown: list[dict], looks: dict[str, Look], measure: Measure) -> Markup:
    """A mark for each recipe, with the interval of its ratio."""
    figure, axes = axes_of(5.6, 3.2)
    axes.axhline(1, color=INK, linestyle="--", linewidth=0.9)
    told = []
    for entry in shown:
        ratio, look, x = ratio_of(entry), looks[entry["recipe"]], entry["cost"][measure.field] / measure.unit
        if ratio["ci95"]:
            axes.plot([x, x], ratio["ci95"], color=look.colour, linewidth=1.4)
        axes.plot(x, ratio["mean"], look.mark, color=look.colour, markersize=6)
        told.append(f"{entry['recipe']} {x:.3g}, {ratio['mean']:.2f}")
    axes.set_xlabel(measure.label)
    axes.set_ylabel("score ÷ baseline's")
    axes.margins(x=0.08)
    axes.grid(alpha=0.12)
    return svg_of(figure, f"{measure.label} and mean score ÷ baseline's: {'; '.join(told)}")
