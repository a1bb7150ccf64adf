"""What a leaderboard says, in plain words: how sure, what would decide what is open, what to do next."""

import shlex
from typing import Any

from leaderboard.contrasts import OVERALL
from leaderboard.sweep import BASELINE
from leaderboard.terminal import is_open, what_decides
from screen import name_of, with_interval

Board = list[dict[str, Any]]
"""The entries of leaderboard.json, best first."""
MOST_ASKED = 20  # random seeds to add in one go


def tests_of(entry: dict[str, Any]) -> list[str]:
    """The tests that an entry tells of."""
    return [name for name, value in entry.items() if isinstance(value, dict) and "accuracy" in value]


def judged(board: Board) -> dict[tuple[str, str], dict[str, Any]]:
    """{(recipe, test or `OVERALL`): the difference to the baseline, as the file has it}."""
    found = {}
    for entry in board:
        places = {test: entry[test] or {"vs_baseline": None} for test in tests_of(board[0])} | {
            OVERALL: entry
        }
        found |= {(entry["recipe"], what): place["vs_baseline"] for what, place in places.items()}
    return {place: told for place, told in found.items() if told}


def explanations(board: Board) -> list[str]:
    """Corrections, what would decide what is open, recipes of the same data, runs left out."""
    found = judged(board)
    lines = ["Intervals are of 95 %, over random seeds and questions."]
    if found:
        lines += [f"The verdicts are corrected (Holm) for {len(found)} comparisons with '{BASELINE}'."]
    elif BASELINE in (entry["recipe"] for entry in board):
        lines += [f"No verdicts: '{BASELINE}' is alone; 'make sweep RECIPES=…' adds recipes."]
    else:
        lines += [f"No verdicts: no run of the baseline '{BASELINE}' is there; 'make sweep' makes it."]
    if any(rests_on_one_run(told) for told in found.values()):
        lines += ["* One run: only the questions' scatter is known, another random seed may turn this."]
    lines += [f"{entry['recipe']}: no run that can be used." for entry in board if not entry["random_seeds"]]
    for (recipe, what), told in found.items():
        if is_open(told):
            lines += [f"{recipe}, {difference(told, what)}; {what_decides(told)}."]
    if any(is_open(told) for told in found.values()):
        lines += [
            "Adding seeds until a verdict comes makes wrong ones likelier: add as many as told, then stop."
        ]
    lines += same_data(board)
    for entry in board:
        for run in entry["left_out"]:
            lines += [f"Left out: {entry['recipe']}, random seed {run['random_seed']}: {run['reason']}"]
    return lines


def rests_on_one_run(told: dict[str, Any]) -> bool:
    """Whether only the questions' scatter is known of a difference, not that of the runs."""
    return told["scatter"] == "questions"


def difference(told: dict[str, Any], what: str) -> str:
    """``TextVQA +1.2 [-0.4, +2.8] points``, or of the challenge's score."""
    if what == OVERALL:
        return f"{OVERALL} {with_interval(told['difference'], told['ci95'], '+.2f')} of the score"
    return f"{name_of(what)} {with_interval(told['difference'], told['ci95'], '+.1f')} points"


def same_data(board: Board) -> list[str]:
    """A line for each group of recipes that were trained on the same data."""
    lines: list[str] = []
    told: set[str] = set()
    for entry in board:
        others = entry["same_data_as"]
        if others and entry["recipe"] not in told:
            lines += [f"{entry['recipe']} was trained on the same data as {', '.join(others)}."]
            told |= {entry["recipe"], *others}
    return lines


def next_steps(board: Board, profile: str, settings: str) -> list[str]:
    """Commands worth running after this leaderboard; ``settings``: knobs to repeat in the sweep's."""
    knobs = "" if profile == "demo" else f" PROFILE={profile}"
    seeds = wanted_seeds(board)
    steps = []
    if seeds:
        own = f" {settings}" if settings else ""
        steps += [f'make sweep{knobs}{own} RANDOM_SEEDS="{" ".join(map(str, seeds))}"']
    ranked = [entry["recipe"] for entry in board if entry["random_seeds"]]
    if len(ranked) > 1:
        best, second = map(shlex.quote, ranked[:2])
        steps += [f"make compare{knobs} A={best} B={second}"]
    return steps


def wanted_seeds(board: Board) -> list[int]:
    """All random seeds, and as many more as the first open verdict needs; empty where no run is wanting."""
    made = {seed for entry in board for seed in entry["random_seeds"]}
    seeds = made | {run["random_seed"] for entry in board for run in entry["left_out"]}
    found = [told for told in judged(board).values() if is_open(told)]
    needed = [told["more_seeds"] for told in found if told["more_seeds"]]
    if len(seeds) == 1 and any(rests_on_one_run(told) for told in found):
        needed += [2]
    more = min((count for count in needed if count <= MOST_ASKED), default=0)
    if not more and all(made == set(entry["random_seeds"]) for entry in board) and seeds == made:
        return []
    return sorted(seeds) + [max(seeds) + step for step in range(1, more + 1)]
