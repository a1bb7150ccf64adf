"""The command that makes again what a mark says, with the knobs it was made with."""

import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from doctor.paths import quoted, remove
from doctor.wanted import Wanted
from errors import BadInput
from graph import marks

GOALS = {"synth": "synth", "synth_report": "synth-report", "submission": "submission"}
GOALS |= {"submission_offline": "submission-offline"} | dict.fromkeys(
    ("blank", "blank_textvqa", "blank_mmbench"), "text-only"
)
NAME = re.compile(r"[A-Za-z0-9_+=,][A-Za-z0-9_+=.,-]*")


def make(goal: str, wanted: Wanted, **knobs: str) -> str:
    """``make GOAL`` of the profile; make reads a dollar twice."""
    given = ({} if wanted.demo else {"PROFILE": wanted.profile}) | knobs
    words = (f"{name}={quoted(value.replace('$', '$$'))}" for name, value in given.items())
    return " ".join(["make", goal, *words])


def forget(folders: Iterable[Path], wanted: Wanted) -> str:
    """The command that removes experiments; folders that no EXP can name, by hand."""
    folders = list(folders)
    if all(NAME.fullmatch(folder.name) for folder in folders):
        return make("clean-run", wanted, EXP=" ".join(folder.name for folder in folders))
    return remove(folders)


def again(folder: Path, stages: Iterable[str], wanted: Wanted) -> str:
    """The command that makes ``stages`` of ``folder`` again; where their knobs are lost, forgets them."""
    shared = {Path(wanted.data): "data", Path(wanted.models): "models", Path(".venv"): "env"}
    if folder in shared:
        return make(shared[folder], wanted)
    told = _told(folder)
    if folder == Path(wanted.runs):
        return _leaderboard(told, wanted)
    knobs = _knobs(folder, told, wanted)
    if knobs is None or not NAME.fullmatch(folder.name):
        return forget([folder], wanted)
    goals = sorted({GOALS.get(stage, "results") for stage in stages})
    return make(" ".join(goals), wanted, EXP=folder.name, **knobs)


def _told(folder: Path) -> list[dict[str, Any]]:
    """What the marks of ``folder`` say, those of stages that were begun again included."""
    found = []
    for kind in ("made.before", "made"):
        for path in sorted(folder.glob(f".make/*.{kind}")):
            with suppress(BadInput):
                found.append(marks.read(str(path).removesuffix(f".{kind}"), kind))
    return [mark for mark in found if mark]


def _knobs(folder: Path, told: list[dict[str, Any]], wanted: Wanted) -> dict[str, str] | None:
    """The knobs to give so that ``folder`` is made as it was: those that the Makefile sets otherwise."""
    usual = dict(knob.split("=", 1) for knob in wanted.knobs)
    used = {name: value for mark in told for name, value in mark["knobs"].items()}
    synth = {mark for one in told for mark in one["inputs"] if mark.endswith("/.make/synth")}
    for mark in synth:  # of a sweep's runs, that share it
        with suppress(BadInput):
            used = (marks.read(mark) or {"knobs": {}})["knobs"] | used
        usual["SYNTH_EXP"], used["SYNTH_EXP"] = "", Path(mark).parents[1].name
    if "RECIPE" not in used:
        return None
    if "BASELINE_RESULTS" in used:
        used["BASELINE_EXP"] = Path(used["BASELINE_RESULTS"]).parent.name
    return {name: used[name] for name in sorted(used.keys() & usual.keys()) if used[name] != usual[name]}


def _leaderboard(told: list[dict[str, Any]], wanted: Wanted) -> str:
    """The command that renders the leaderboard and its page again."""
    knobs = {name: value for mark in told for name, value in mark["knobs"].items()}
    given = {"RANDOM_SEEDS": knobs["RANDOM_SEEDS"]} if "RANDOM_SEEDS" in knobs else {}
    given |= dict(word.split("=", 1) for word in shlex.split(knobs.get("SWEEP_AGAIN", "")) if "=" in word)
    return make("leaderboard", wanted, **given)
