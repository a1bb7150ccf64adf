"""What the page is made from, read and checked: the leaderboard and the runs that it names."""

from pathlib import Path
from typing import Any, NamedTuple

from digest import sha256
from errors import BadInput
from json_files import read_json
from leaderboard import board_shape
from leaderboard.board_words import tests_of
from leaderboard.runs import Run, read_run
from leaderboard.sweep import BASELINE
from recipe_report.sources import SUMMARY
from shapes import misfit

ENTRY = board_shape.ENTRY | {"data": (None, SUMMARY)}
REMEDY = "make it again with 'make leaderboard'"
SAME = 1e-6  # percentage points within which a run's score is the leaderboard's


class Board(NamedTuple):
    """A leaderboard; ``entries``: best first, as in the file, but those without a run, which are ``unmade``.

    ``runs``: {recipe: its runs}.
    """

    entries: list[dict[str, Any]]
    unmade: list[dict[str, Any]]
    runs: dict[str, list[Run]]
    tests: list[str]
    sha256: str

    @property
    def base(self) -> dict[str, Any] | None:
        """The baseline's entry."""
        return next((entry for entry in self.entries if entry["recipe"] == BASELINE), None)

    @property
    def others(self) -> list[dict[str, Any]]:
        """All entries but the baseline's."""
        return [entry for entry in self.entries if entry["recipe"] != BASELINE]

    @property
    def all_runs(self) -> list[Run]:
        return [run for runs in self.runs.values() for run in runs]

    @property
    def profile(self) -> str:
        return self.all_runs[0].result["profile"]


def read_board(path: Path) -> Board:
    """The leaderboard at ``path`` and its runs, beside it; raises `BadInput` where they don't agree."""
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise BadInput(f"{path}: not a leaderboard, a list of recipes; {REMEDY}")
    for place, entry in enumerate(entries):
        if fault := entry_fault(entry):
            name = entry.get("recipe", f"number {place}") if isinstance(entry, dict) else f"number {place}"
            raise BadInput(f"{path}: recipe {name}: {fault}; {REMEDY}")
    names = [entry["recipe"] for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"{path}: recipe {twice[0]}: stands twice; {REMEDY}")
    made = [entry for entry in entries if entry["random_seeds"]]
    if not made:
        raise BadInput(f"{path}: none of its recipes has a run; 'make sweep' makes some")
    runs = {entry["recipe"]: runs_of(entry, path) for entry in made}
    unmade = [entry for entry in entries if not entry["random_seeds"]]
    return Board(made, unmade, runs, tests_of(made[0]), sha256(path))


def entry_fault(entry: object) -> str | None:
    """What an entry lacks of what the page tells; None if nothing."""
    if fault := misfit(entry, ENTRY):
        return fault
    seeds = len(entry["random_seeds"])
    if not seeds:
        return None
    if not tests_of(entry) or not isinstance(entry["cost"], dict):
        return "lacks scores or cost"
    if len(entry["experiments"]) != seeds:
        return "has not as many experiments as random seeds"
    for test in tests_of(entry):
        if fault := misfit(entry[test], board_shape.TEST, test):
            return fault
        if len(entry[test]["runs"]) != seeds:
            return "has not a score of each run"
    return None


def runs_of(entry: dict, path: Path) -> list[Run]:
    """The runs of an entry; raises `BadInput` where one is gone or has other scores than the leaderboard."""
    found = []
    for place, (seed, name) in enumerate(zip(entry["random_seeds"], entry["experiments"], strict=True)):
        folder = path.parent / str(name)
        try:
            run = read_run(entry["recipe"], seed, folder)
        except FileNotFoundError as error:
            raise BadInput(f"{error.filename}: missing, though {path} names the run; 'make sweep'") from error
        for test in tests_of(entry):
            values = run.scores.get(test, {}).values()
            score = 100 * sum(values) / max(len(values), 1)
            if not values or abs(score - entry[test]["runs"][place]) > SAME:
                raise BadInput(f"{folder}: has another {test} score than {path}; {REMEDY}")
        found.append(run)
    return found
