"""What a stage made: its files, the manifest of them, and whether they are still as they were made."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from errors import BadInput
from graph import marks
from graph.files import Entry, made_entries, seen, sha256
from graph.stages import FOLDER, LIST, Stage
from json_files import atomic_write, read_lines

LOOKED_AT = 10_000
"""A set of more files is known by its manifest: its files are looked at by ``make verify-data`` only."""


def varies(path: str) -> bool:
    """Whether two equal runs may differ in this file: its content is not part of the digest."""
    name = Path(path).name
    return name.endswith(".log") or (name.startswith("train_") and name.endswith(".json"))


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


def write(stage: Stage, made: dict[str, Any], say: Callable[[str], None]) -> None:
    """Mark ``stage`` as made: manifest and stat first, the mark last, each flushed to disk."""
    try:
        files = made_files(stage)
    except BadInput:
        marks.forget_end(stage)
        raise
    manifest = f"{stage.mark}.out"
    entries = write_manifest(manifest, stage.folder, files, say)
    listed = len(entries) <= LOOKED_AT
    if listed:
        marks.write_stat(stage.mark, entries)
    made["outputs"] = {
        "digest": sha256(manifest),
        "files": len(entries),
        "bytes": sum(entry[0] for entry in entries.values()),
        "manifest": seen(manifest),
        "listed": listed,
    }
    marks.note_made(stage, made)


def write_manifest(path: str, folder: str, files: list[str], say: Callable[[str], None]) -> dict[str, Entry]:
    """Write the manifest of ``files``, made in ``folder``; the entry of each, those that vary included."""
    entries = {}
    with atomic_write(path) as manifest:
        for number, (file, entry) in enumerate(made_entries(files), 1):
            name = marks.named(folder, file)
            if not varies(file):
                manifest.write(f"{entry[3]} {entry[0]} {name}\n")
            entries[name] = entry
            if number % (2 * LOOKED_AT) == 0:
                say(f"hashed {number:,} of {len(files):,} files")
    return entries


def output_fault(stage: Stage, made: dict[str, Any], moved: bool = True) -> tuple[str | None, dict | None]:
    """What is wrong with what ``stage`` made, or None; and the new ``.stat`` where only times changed.

    Without ``moved`` a file of its old size and time of change is not read, though a copy may have moved it.
    """
    if not made["outputs"]["listed"]:
        return manifest_fault(stage, made), None
    entries = marks.read_stat(stage.mark)
    if entries is None:
        return f"{stage.mark}.stat is missing", None
    renewed = {}
    for name, entry in entries.items():
        fault, now = file_fault(marks.located(stage.folder, name), entry, moved)
        if fault:
            return fault, None
        if now != entry:
            renewed[name] = now
    return None, {**entries, **renewed} if renewed else None


def file_fault(path: str, entry: Entry, moved: bool) -> tuple[str | None, Entry]:
    """What is wrong with a file that was made as ``entry`` says, or None; and its entry now."""
    try:
        now = seen(path)
        if now == entry[:3] or (not moved and now[:2] == entry[:2]):
            return None, entry
        if now[0] != entry[0]:
            return f"{path} has {now[0]:,} bytes, not {entry[0]:,}", entry
        if not varies(path) and sha256(path) != entry[3]:
            return f"{path} was changed", entry
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: no path can be such
        return f"{path} is missing", entry
    except IsADirectoryError:
        return f"{path} is a folder, not a file", entry
    return None, [*now, entry[3]]


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
