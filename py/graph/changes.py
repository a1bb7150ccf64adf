"""What changed since a stage was made: the words that ``make plan`` and ``make why`` print."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from graph import marks, outputs
from graph.files import read_entry
from graph.stages import Stage

LOCK, REQUIRES = "env/requirements.lock", ".venv/.requires.json"


class Verdict(NamedTuple):
    """Whether a stage is current: the reasons why not, and all that it reads as it is now."""

    reasons: list[str]
    now: dict[str, Any]


def locked_versions() -> dict[str, str]:
    """Package → version in the lock file."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s\\]+)", Path(LOCK).read_text(), re.MULTILINE))


def packages_now(roots: list[str], old: dict[str, Any] | None, versions: dict[str, str]) -> dict[str, Any]:
    """``roots`` and the locked version of each package that these need.

    Which packages they need is known from the installed ones; without any, from the last time.
    """
    if not roots:
        return {"roots": [], "versions": {}}
    if old and old["roots"] == roots and all(versions.get(n) == v for n, v in old["versions"].items()):
        return old
    try:
        requires = json.loads(Path(REQUIRES).read_bytes())
    except FileNotFoundError:
        names = set(old["versions"] if old else roots)
    except ValueError as error:
        raise BadInput(f"{REQUIRES}: damaged ({error}); remove it and run 'make env'") from error
    else:
        keys, ahead = set(), list(roots)
        while ahead:
            if (key := ahead.pop()) not in keys:
                keys.add(key)
                ahead += requires.get(key, [])
        names = {key.partition("[")[0] for key in keys}
    return {"roots": roots, "versions": {name: versions[name] for name in sorted(names) if name in versions}}


def input_label(stage: Stage, mark: str) -> str:
    """An input's name in a mark: an experiment's folder may be renamed."""
    return Path(mark).name if Path(mark).parent == Path(stage.mark).parent else mark


def look(
    stage: Stage, old: dict[str, Any] | None, versions: dict[str, str], coming: tuple[str, ...] = ()
) -> dict[str, Any]:
    """All that ``stage`` reads, as it is now. A file in ``coming`` may be missing: it is yet to be made."""
    old = old or {"reads": {}, "packages": None}
    reads = {}
    for path in sorted(set(stage.reads)):
        if not Path(path).exists() and path.startswith(coming):
            continue
        reads[path] = read_entry(path, old["reads"].get(path))
    inputs = {}
    for mark in sorted(stage.inputs):
        made = marks.read(mark)
        inputs[input_label(stage, mark)] = made["outputs"]["digest"] if made else None
    return {
        "knobs": stage.knobs,
        "reads": reads,
        "packages": packages_now(stage.packages, old["packages"], versions),
        "inputs": inputs,
    }


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two looks, in words; an input that is not made yet is no difference."""
    words = []
    for name in sorted(old["knobs"].keys() | new["knobs"].keys()):
        before, after = (look["knobs"].get(name) for look in (old, new))
        if before != after:
            words.append(f"{name} {_shown(before)} → {_shown(after)}")
    for path in sorted(old["reads"].keys() | new["reads"].keys()):
        before, after = (look["reads"].get(path) for look in (old, new))
        if before is None or after is None:
            words.append(f"{path} is {'new' if before is None else 'no longer read'}")
        elif before[4] != after[4]:
            words.append(f"{path} {before[4][:8]} → {after[4][:8]}")
    before, after = (look["packages"]["versions"] for look in (old, new))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            words.append(f"package {name} {_shown(before.get(name))} → {_shown(after.get(name))}")
    for label in sorted(old["inputs"].keys() | new["inputs"].keys()):
        before, after = (look["inputs"].get(label, "") for look in (old, new))
        if before != after and after is not None:
            words.append(f"what {label} made {_shown(before[:8])} → {_shown(after[:8])}")
    return words


def _shown(value: str | None) -> str:
    return "(unset)" if value is None else value or "''"


def judge(
    stage: Stage, versions: dict[str, str], coming: tuple[str, ...] = (), renew: bool = True
) -> Verdict:
    """Compare ``stage`` with what it was made from. ``renew``: keep new times of files of old content."""
    made = marks.read(stage.mark)
    now = look(stage, made, versions, coming)
    if made is None:
        started = Path(f"{stage.mark}.log").exists()
        return Verdict(["the last run did not finish" if started else "not made yet"], now)
    reasons = changed(made, now)
    fault, stat = outputs.output_fault(stage, made)
    if fault:
        reasons.insert(0, fault)
    if renew and not reasons and (stat or made["reads"] != now["reads"]):
        marks.renew(stage.mark, {**made, "reads": now["reads"]}, stat)
    return Verdict(reasons, now)


def ended_well(stage: Stage, now: dict[str, Any]) -> dict[str, Any] | None:
    """What was noted at the command's end, where only the manifest is missing and nothing has changed."""
    made = marks.read_end(stage)
    return made if made and not changed(made, now) else None


def check_inputs(stage: Stage, now: dict[str, Any]) -> None:
    """Raise `BadInput` where an input of ``stage`` is not made."""
    for label, digest in now["inputs"].items():
        if digest is None:
            raise BadInput(f"{stage.label} needs {label}, which is not made; run 'make results'")
