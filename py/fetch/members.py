"""A member of an archive, and whether it may be unpacked: only plain files and folders are sound."""

import re
from collections.abc import Callable
from typing import IO, NamedTuple

FILE, FOLDER = "a file", "a folder"
LONGEST_NAME, DEEPEST = 1_000, 50  # characters, folders; all are held in memory until the end
LONGEST_PART = 255  # bytes, which Linux's file systems take
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
SURROGATES = re.compile(r"[\ud800-\udfff]")


class Entry(NamedTuple):
    """A member as the archive has it, not yet checked."""

    name: str
    kind: str
    size: int
    opened: Callable[[], IO[bytes]]


class Damaged(Exception):
    """Not what was packed: cut short, or bytes changed."""


def shown(name: str) -> str:
    """``name`` for a message, whatever is in it and however long."""
    name = name if len(name) <= 200 else name[:200] + "…"
    return name if name.isprintable() else ascii(name)


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file that a member's name consists of."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def name_fault(entry: Entry) -> str | None:
    """Why the member may not be unpacked, as far as its kind and name say."""
    if entry.kind not in (FILE, FOLDER):
        return f"is {entry.kind}"
    if SURROGATES.search(entry.name):
        return "a name that is not UTF-8"
    if len(entry.name) > LONGEST_NAME or entry.name.count("/") > DEEPEST:
        return f"a name of over {LONGEST_NAME:,} characters or {DEEPEST} folders"
    if any(len(part.encode()) > LONGEST_PART for part in entry.name.split("/")):
        return f"a file's or folder's name of over {LONGEST_PART} bytes"
    if CONTROLS.search(entry.name):
        return "a name with control characters or a backslash"
    if entry.name.startswith("/"):
        return "an absolute path"
    if ".." in entry.name.split("/"):
        return "a path through a parent folder"
    return "a file without a name" if entry.kind == FILE and not parts_of(entry.name) else None


def place_fault(entry: Entry, kinds: dict[str, str]) -> str | None:
    """Why there is no place for the member beside those before it, which ``kinds`` holds; adds it there."""
    parts = parts_of(entry.name)
    before = kinds.get(path := "/".join(parts))
    if before == entry.kind == FILE:
        return "is in it twice"
    if before not in (None, entry.kind):
        return f"is {entry.kind} where there is {before} already"
    kinds[path] = entry.kind
    for length in range(len(parts) - 1, 0, -1):
        above = "/".join(parts[:length])
        if kinds.setdefault(above, FOLDER) == FILE:
            return f"lies in {shown(above)}, which is a file"
    return None
