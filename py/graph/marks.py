"""The marks of a stage in ``FOLDER/.make``: what it was made from, and what it made.

    STAGE.made  JSON: knobs, files, packages and inputs as they were when it started; a digest of what it made
    STAGE.out   the manifest, a line per file: sha256, size, path; without what equal runs may differ in
    STAGE.ran   JSON: the same, without what it made: the command ended well, the manifest is to be written
    STAGE.stat  JSON: [size, mtime_ns, ctime_ns, sha256] of each file (not of over `outputs.LOOKED_AT`)

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
from graph.stages import Stage
from json_files import atomic_write
from shapes import misfit

SEEN = [int, int, int]
PACKAGES = {"roots": [str], "versions": {...: str}}
RAN = {"knobs": {...: str}, "inputs": {...: str}, "reads": {...: [*SEEN, str, str]}, "packages": PACKAGES}
RAN |= {"started": float, "seconds": float}
OUTPUTS = {"digest": str, "files": int, "bytes": int, "listed": bool, "manifest?": SEEN}
MADE = RAN | {"outputs": OUTPUTS}
STAT = {...: [*SEEN, str]}
"""Shapes of what the marks hold."""


def named(folder: str, path: str) -> str:
    """How the marks of ``folder`` name ``path``."""
    return path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else f":/{path}"


def located(folder: str, name: str) -> str:
    """The path, from the project, that the marks of ``folder`` call ``name``."""
    return name.removeprefix(":/") if name.startswith(":/") else f"{folder}/{name}"


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


def read_stat(mark: str) -> dict[str, list] | None:
    """File → what was seen of it when it was made; None where that is not kept."""
    return _read_json(f"{mark}.stat", STAT)


def write_stat(mark: str, stat: dict[str, list]) -> None:
    """Keep what `read_stat` reads."""
    _write_json(f"{mark}.stat", stat)


def note_end(stage: Stage, made: dict[str, Any]) -> None:
    """Note that the command ended well: should only the manifest be missing later, it is not run again."""
    _write_json(f"{stage.mark}.ran", made)


def read_end(stage: Stage) -> dict[str, Any] | None:
    """What `note_end` noted."""
    return _read_json(f"{stage.mark}.ran", RAN)


def forget_end(stage: Stage) -> None:
    """Take back what `note_end` noted."""
    Path(f"{stage.mark}.ran").unlink(missing_ok=True)


def note_made(stage: Stage, made: dict[str, Any]) -> None:
    """Write the mark of ``stage``, last of all that lies beside it, and flush their names to disk."""
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
                write_stat(mark, stat)
            _write_json(f"{mark}.made", made)
