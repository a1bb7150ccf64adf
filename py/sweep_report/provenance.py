"""What was run: each run's inputs, the protocols and packages that all share, and what was left out."""

import json
from typing import Any, NamedTuple

from leaderboard.runs import Run
from screen import name_of
from sweep_report.sources import Board

INPUTS = ("seed", "stage1", "finetune_data", "recipe", "synth")
SHOWN = 12  # letters of a SHA-256


class Made(NamedTuple):
    """A run; ``hashes``: the beginnings of its inputs' SHA-256, a dash for what it had not."""

    recipe: str
    experiment: str
    random_seed: int
    hashes: list[str]


class Shared(NamedTuple):
    """Facts that ``runs`` of all have in common."""

    facts: dict[str, Any]
    runs: int


def made(board: Board) -> list[Made]:
    """A row for each run."""
    return [
        Made(
            recipe,
            run.folder.name,
            run.random_seed,
            [short(run.result["inputs"].get(name)) for name in INPUTS],
        )
        for recipe, runs in board.runs.items()
        for run in runs
    ]


def short(digest: str | None) -> str:
    """The beginning of a digest, or a dash."""
    return digest[:SHOWN] if digest else "–"


def shared(facts: list[dict[str, Any]]) -> list[Shared]:
    """The different ones of ``facts``, with how many runs have each."""
    by_text: dict[str, list[dict]] = {}
    for each in facts:
        by_text.setdefault(json.dumps(each, sort_keys=True), []).append(each)
    return [Shared(same[0], len(same)) for same in by_text.values()]


def protocols(board: Board) -> dict[str, list[Shared]]:
    """{test: its protocols}."""
    return {name_of(test): shared([protocol(run, test) for run in board.all_runs]) for test in board.tests}


def protocol(run: Run, test: str) -> dict[str, Any]:
    """How ``run`` was asked ``test``; empty where it was not."""
    return run.result["protocol"].get(test, {})


def left_out(board: Board) -> list[tuple[str, int, str]]:
    """(recipe, random seed, reason) of each run that the leaderboard does not count."""
    return [
        (entry["recipe"], run["random_seed"], run["reason"])
        for entry in (*board.entries, *board.unmade)
        for run in entry["left_out"]
    ]
