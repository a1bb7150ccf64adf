"""What killed runs left in the tree: files and folders written aside, checkpoints that no training resumes.

What a living process holds is not left over: a folder whose make lives or of whose stages one is locked.
Paths are relative to the project.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from graph.locks import owner_of
from graph.processes import alive

ASIDE = re.compile(r"\..+\.(\d+)\+")  # what records.atomic_write, with its process's number
WORK = re.compile(r"\..+\.work")
CHECKPOINT = re.compile(r"checkpoint-\d+(\.foreign)?")
TEXTS = ("results.txt+", "leaderboard.txt+", "README.md+")
COMPLETE = "complete.json"  # as mgm/training/resume.py writes it last into a checkpoint


class Places(NamedTuple):
    """The folders of a profile, and the one of the frozen towers' outputs."""

    runs: Path
    data: Path
    models: Path
    features: Path

    def experiments(self) -> list[Path]:
        """Folders that an experiment's stages have begun to fill."""
        return sorted(mark.parent for mark in self.runs.glob("*/.make") if mark.is_dir())


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of ``path``."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def is_busy(folder: Path) -> bool:
    """Whether a make builds ``folder``, or a process makes one of its stages."""
    owner = owner_of(folder)
    return bool(owner and alive(owner)) or any(map(is_locked, (folder / ".make").glob("*.lock")))


def is_made(folder: Path, name: str) -> bool:
    """Whether ``folder`` has the mark of the stage or set ``name``."""
    return any((folder / ".make" / f"{name}{kind}.made").exists() for kind in ("", "_set"))


def is_left(path: Path) -> bool:
    """Whether ``path`` has the name of a thing that our scripts write aside, and nobody works on it."""
    aside, name = ASIDE.fullmatch(path.name), path.name
    if aside:
        return not Path("/proc", aside[1]).exists()
    if WORK.fullmatch(name):
        return not is_named_by_living(path)
    return name in TEXTS or (name.startswith(".") and name.endswith("+"))


def is_left_of_download(path: Path) -> bool:
    """The same of FOLDER+, FOLDER.old+ and FOLDER.part, where what they become is there by now."""
    whole, _, kind = path.name.rpartition(".")
    if kind == "part":  # of a download that is not made yet, it is what the next run goes on from
        return is_made(path.parent, whole) and not is_locked(path / ".lock")
    if kind == "old+":  # with nothing in its place it is the earlier one, which the next run puts back
        return os.path.lexists(path.with_name(whole))
    return path.name.endswith("+") and not is_locked(path.with_name(f"{path.name[:-1]}.part") / ".lock")


def is_named_by_living(path: Path) -> bool:
    """Whether a process was given the whole of ``path``, as those are that a script by hand starts."""
    wanted = os.fsencode(path.resolve()) + b"/"
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                given = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:  # gone, or another user's
                continue
            if wanted in given:
                return True
    return False


def is_dead_checkpoint(path: Path) -> bool:
    """Whether a checkpoint was set aside, is half-written, or belongs to a training that has ended."""
    kind = CHECKPOINT.fullmatch(path.name)
    if not kind or is_locked(path.with_name(".lock")):  # a training by hand holds that
        return False
    return kind[1] is not None or not (path / COMPLETE).exists() or is_made(path.parents[1], path.parent.name)


def below(folder: Path) -> Iterator[Path]:
    """What is left over anywhere in an experiment."""
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(place, name)
            if is_left(path) or is_dead_checkpoint(path):
                yield path
                if name in folders:
                    folders.remove(name)


def find(places: Places) -> list[Path]:
    """All that is left over: in the experiments at any depth, elsewhere only where something is put aside."""
    found: list[Path] = []
    for folder in places.experiments():
        if not is_busy(folder):
            found += below(folder)
    for folder in (places.data, places.models):
        if not is_busy(folder):
            found += filter(is_left_of_download, folder.glob("*"))
    for folder in (places.runs, places.data, places.models):
        if not is_busy(folder):
            found += filter(is_left, [*folder.glob("*"), *folder.glob(".make/*"), *folder.parent.glob(".*+")])
    found += filter(is_left, [Path("README.md+"), *places.features.glob("*/.*+")])
    return sorted(path for path in set(found) if os.path.lexists(path))
