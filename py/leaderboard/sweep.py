"""The runs of a sweep: those that are there and comparable, and of the others why not."""

from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from leaderboard.comparable import of_another_recipe, require_comparable
from leaderboard.runs import Run, read_run

BASELINE = "seed"  # the recipe that all others are compared with


class Sweep(NamedTuple):
    """``rows``: {recipe: its runs by random seed}; ``left_out``: {recipe: [{"random_seed", "reason"}]}."""

    rows: dict[str, list[Run]]
    left_out: dict[str, list[dict[str, Any]]]


def read_sweep(runs: Path, recipes: list[str], random_seeds: list[int]) -> Sweep:
    """Read ``runs/RECIPE-sSEED`` of all ``recipes`` and ``random_seeds``; raises `BadInput` where none is
    there.

    What is missing, unreadable, made otherwise than the baseline's first run, or a copy of another run, is
    left out, with the reason: a mean over runs that differ in more than their random seed has no meaning.
    """
    rows: dict[str, list[Run]] = {recipe: [] for recipe in recipes}
    left_out: dict[str, list[dict[str, Any]]] = {recipe: [] for recipe in recipes}
    reference: Run | None = None
    for recipe in sorted(recipes, key=lambda name: name != BASELINE):
        for random_seed in random_seeds:
            folder = runs / f"{recipe}-s{random_seed}"
            try:
                run = read_run(recipe, random_seed, folder)
                require_comparable(run, reference or run)
                require_of_one_recipe(run, rows[recipe])
            except BadInput as error:
                left_out[recipe].append({"random_seed": random_seed, "reason": str(error)})
            else:
                reference = reference or run
                rows[recipe].append(run)
    if reference is None:
        raise BadInput(f"{runs}: no run of {', '.join(recipes)} that can be used; 'make sweep' makes them")
    return Sweep(rows, left_out)


def require_of_one_recipe(run: Run, others: list[Run]) -> None:
    """Raise `BadInput` where ``run`` differs from ``others`` in more than the random seed, or is a copy of
    one.
    """
    for other in others:
        if words := of_another_recipe(run, other):
            raise BadInput(f"made otherwise than {other.folder.name}: {', '.join(words)}; run 'make sweep'")
        if run.scores == other.scores and any(run.losses.values()) and run.losses == other.losses:
            raise BadInput(f"a copy of {other.folder.name}: all losses and answers are the same")
