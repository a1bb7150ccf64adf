"""The two sides of a comparison: each an experiment, or all runs of a recipe in a sweep."""

import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from json_files import read_json
from leaderboard.comparable import require_comparable
from leaderboard.runs import Run, read_run
from leaderboard.sweep import require_of_one_recipe

SWEPT = re.compile(r"(?P<recipe>.+)-s(?P<random_seed>\d+)")
LISTED = 12


class Side(NamedTuple):
    """``runs`` by random seed; ``left_out``: [{"experiment", "reason"}]; ``note``: what to tell."""

    name: str
    runs: list[Run]
    left_out: list[dict[str, Any]]
    note: str


def read_sides(runs: Path, a: str, b: str) -> tuple[Side, Side]:
    """Both sides; raises `BadInput` where one is not there or not whole, or where they share a run."""
    if not (a and b):
        raise BadInput(f"A={a} B={b}: name an experiment or a recipe each, of {listed(runs, a or b)}")
    if a == b:
        raise BadInput(f"A={a} B={b}: both are the same; give another for B, of {listed(runs, a)}")
    sides = read_side(runs, a), read_side(runs, b)
    folders = [{run.folder.resolve() for run in side.runs} for side in sides]
    if shared := folders[0] & folders[1]:
        raise BadInput(f"A={a} B={b}: {min(shared).name} is in both; give two that share no run")
    return sides


def read_side(runs: Path, name: str) -> Side:
    """What ``name`` names: a recipe of runs ``name-sSEED``, else the experiment ``runs/name``, or a path."""
    folder = Path(name) if "/" in name else runs / name
    swept = {} if "/" in name else swept_folders(runs).get(name, {})
    if swept:
        note = f"the runs {name}-sSEED; the experiment beside them is named by its path, {folder}"
        return read_recipe(name, swept, note if folder.is_dir() else "")
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: no such experiment, and no runs {name}-sSEED of a recipe; "
            f"there are {listed(runs, name)}"
        )
    return Side(name, [read_experiment(folder)], [], "")


def read_recipe(name: str, folders: dict[int, Path], note: str) -> Side:
    """The runs of a recipe that differ in their random seed alone; raises `BadInput` where none is whole."""
    found: list[Run] = []
    left_out = []
    for random_seed, folder in sorted(folders.items()):
        try:
            run = read_experiment(folder, random_seed)
            require_comparable(run, found[0] if found else run)
            require_of_one_recipe(run, found)
        except BadInput as error:
            left_out.append({"experiment": folder.name, "reason": str(error)})
        else:
            found.append(run)
    if not found:
        raise BadInput(left_out[0]["reason"])
    return Side(name, found, left_out, note)


def swept_folders(runs: Path) -> dict[str, dict[int, Path]]:
    """{recipe: {random seed: folder}} of the folders ``RECIPE-sSEED``."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(runs.iterdir()) if runs.is_dir() else []:
        if path.is_dir() and (match := SWEPT.fullmatch(path.name)):
            found.setdefault(match["recipe"], {})[int(match["random_seed"])] = path
    return found


def read_experiment(folder: Path, random_seed: int | None = None) -> Run:
    """The run in ``folder``, whatever its recipe; its random seed must be ``random_seed``, if given."""
    try:
        result = read_json(folder / "results.json")
        told = result if isinstance(result, dict) else {}
        wanted = told.get("random_seed") if random_seed is None else random_seed
        return read_run(str(told.get("recipe")), wanted, folder)
    except FileNotFoundError as error:
        remedy = (
            f"'make sweep', or 'make results EXP={folder.name}' with the knobs it began with, finishes it"
        )
        raise BadInput(f"{error.filename}: missing, the run is half made; {remedy}") from error


def listed(runs: Path, name: str) -> str:
    """The recipes and experiments that could have been meant, nearest first."""
    whole = {path.parent.name for path in runs.glob("*/results.json")}
    names = {match["recipe"] if (match := SWEPT.fullmatch(one)) else one for one in whole}
    near = sorted(names - {name}, key=lambda known: (-SequenceMatcher(None, name, known).ratio(), known))
    more = f" and {len(near) - LISTED} more" if len(near) > LISTED else ""
    return ", ".join(near[:LISTED]) + more or f"none in {runs}: 'make results' or 'make sweep' makes some"
