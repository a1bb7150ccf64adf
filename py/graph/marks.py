"""The marks of a stage in ``FOLDER/.make``: what it was made from, what it made, whether that still stands.

    STAGE.made  JSON: knobs, files, packages and inputs as they were when it started; a digest of what it made
    STAGE.out   the manifest, a line per file: sha256, size, path; without what equal runs may differ in
    STAGE.ran   JSON: the same, without what it made: the command ended well, the manifest is to be written
    STAGE.stat  JSON: [size, mtime_ns, ctime_ns, sha256] of each file (not of a set of over `LOOKED_AT` files)

Paths in them are relative to FOLDER, so that it may be renamed; those that a list names, to the project, with
``:/`` in front.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from errors import BadInput
from graph.files import made_entries, seen, sha256
from graph.stages import FOLDER, LIST, Stage
from json_files import atomic_write, read_lines
from shapes import misfit

SEEN = [int, int, int]
PACKAGES = {"roots": [str], "versions": {...: str}}
RAN = {"knobs": {...: str}, "inputs": {...: str}, "reads": {...: [*SEEN, str, str]}, "packages": PACKAGES}
RAN |= {"started": float, "seconds": float}
OUTPUTS = {"digest": str, "files": int, "bytes": int, "listed": bool, "manifest?": SEEN}
MADE = RAN | {"outputs": OUTPUTS}
STAT = {...: [*SEEN, str]}
"""Shapes of what the marks hold."""
LOOKED_AT = 10_000
"""A set of more files is known by its manifest: its files are looked at by ``make verify-data`` only."""


def varies(path: str) -> bool:
    """Whether two equal runs may differ in this file: its content is not part of the digest."""
    name = Path(path).name
    return name.endswith(".log") or (name.startswith("train_") and name.endswith(".json"))


def named(folder: str, path: str) -> str:
    """How the marks of ``folder`` name ``path``."""
    return path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else f":/{path}"


def located(folder: str, name: str) -> str:
    """The path, from the project, that the marks of ``folder`` call ``name``."""
    return name.removeprefix(":/") if name.startswith(":/") else f"{folder}/{name}"


def made_files(stage: Stage) -> list[str]:
    """The files that ``stage`` made, sorted; raises `BadInput` where one is missing or of the wrong kind."""
    files = []
    for path, kind in stage.outputs:
        if not (Path(path).is_dir() if kind == FOLDER else Path(path).is_file()):
            raise BadInput(f"{stage.label} ended well but did not make the {kind} {path}")
        files += files_below(path) if kind == FOLDER else [path]
        if kind == LIST:
            files += [line for line in read_lines(path) if line]
    return sorted(set(files))


def files_below(folder: str) -> Iterator[str]:
    """The files in ``folder``; hidden ones and a training's checkpoints are no part of what it makes."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "checkpoint-")):
                continue
            if entry.is_dir():
                yield from files_below(entry.path)
            else:
                yield entry.path


def read(mark: str, kind: str = "made") -> dict[str, Any] | None:
    """What ``mark`` says, or None where the stage is not made; raises `BadInput` on a damaged mark."""
    return _read_json(f"{mark}.{kind}", MADE)


def _read_json(path: str, shape: dict) -> Any:
    try:
        value = json.loads(Path(path).read_bytes())
        if fault := misfit(value, shape):
            raise ValueError(fault)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError) as error:
        raise BadInput(
            f"{path}: not readable as a mark ({error}); remove it, and its stage runs again"
        ) from error
    return value


def _write_json(path: str, value: Any) -> None:
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))


def note_end(stage: Stage, made: dict[str, Any]) -> None:
    """Note that the command ended well: should only the manifest be missing later, it is not run again."""
    _write_json(f"{stage.mark}.ran", made)


def read_end(stage: Stage) -> dict[str, Any] | None:
    """What `note_end` noted."""
    return _read_json(f"{stage.mark}.ran", RAN)


def forget_end(stage: Stage) -> None:
    Path(f"{stage.mark}.ran").unlink(missing_ok=True)


def write(stage: Stage, made: dict[str, Any], say: Callable[[str], None]) -> None:
    """Mark ``stage`` as made: manifest and stat first, the mark last, each flushed to disk."""
    try:
        files = made_files(stage)
    except BadInput:
        forget_end(stage)
        raise
    entries = {}
    with atomic_write(f"{stage.mark}.out") as manifest:
        for number, (path, entry) in enumerate(made_entries(files), 1):
            name = named(stage.folder, path)
            if not varies(path):
                manifest.write(f"{entry[3]} {entry[0]} {name}\n")
            entries[name] = entry
            if number % (2 * LOOKED_AT) == 0:
                say(f"hashed {number:,} of {len(files):,} files")
    listed = len(entries) <= LOOKED_AT
    if listed:
        _write_json(f"{stage.mark}.stat", entries)
    made["outputs"] = {
        "digest": sha256(f"{stage.mark}.out"),
        "files": len(entries),
        "bytes": sum(entry[0] for entry in entries.values()),
        "manifest": seen(f"{stage.mark}.out"),
        "listed": listed,
    }
    _write_json(f"{stage.mark}.made", made)
    forget_end(stage)
    flush_folder(Path(stage.mark).parent)


def flush_folder(folder: Path) -> None:
    """Flush the names in ``folder`` to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def output_fault(stage: Stage, made: dict[str, Any], moved: bool = True) -> tuple[str | None, dict | None]:
    """What is wrong with what ``stage`` made, or None; and the new ``.stat`` where only times changed.

    Without ``moved`` a file of its old size and time of change is not read, though a copy may have moved it.
    """
    if not made["outputs"]["listed"]:
        return manifest_fault(stage, made), None
    entries = _read_json(f"{stage.mark}.stat", STAT)
    if entries is None:
        return f"{stage.mark}.stat is missing", None
    renewed = {}
    for name, entry in entries.items():
        path = located(stage.folder, name)
        try:
            now = seen(path)
            if now == entry[:3] or (not moved and now[:2] == entry[:2]):
                continue
            if now[0] != entry[0]:
                return f"{path} has {now[0]:,} bytes, not {entry[0]:,}", None
            if not varies(path) and sha256(path) != entry[3]:
                return f"{path} was changed", None
            renewed[name] = [*now, entry[3]]
        except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: no path can be such
            return f"{path} is missing", None
        except IsADirectoryError:
            return f"{path} is a folder, not a file", None
    return None, {**entries, **renewed} if renewed else None


def manifest_fault(stage: Stage, made: dict[str, Any]) -> str | None:
    """What is wrong with a large set, by its manifest and its top folders alone."""
    manifest, outputs = f"{stage.mark}.out", made["outputs"]
    for path, _ in stage.outputs:
        if not Path(path).exists():
            return f"{path} is missing"
    try:
        if seen(manifest) != outputs.get("manifest") and sha256(manifest) != outputs["digest"]:
            return f"{manifest} was changed"
    except OSError:
        return f"{manifest} is missing"
    return None


@contextmanager
def stage_lock(mark: str, waits: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold the lock of one stage. Where another has it: call ``waits`` and wait; without it, give False."""
    Path(mark).parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{mark}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waits is None:
                yield False
                return
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield True


def renew(mark: str, made: dict[str, Any], stat: dict | None) -> None:
    """Keep the new times of files whose content stayed, so that they are not read again; never needed."""
    with suppress(OSError), stage_lock(mark) as mine:
        if mine and Path(f"{mark}.made").exists():
            if stat:
                _write_json(f"{mark}.stat", stat)
            _write_json(f"{mark}.made", made)
