"""The folders that the doctor looks into, and paths in words that are safe to read and to paste."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from doctor.wanted import Wanted
from graph.leftovers import Places
from graph.sizes import bytes_of, readable

SHOWN = 3
NAMED = 20


def places(wanted: Wanted) -> Places:
    return Places(*map(Path, (wanted.runs, wanted.data, wanted.models, wanted.feature_cache)))


def together(paths: Iterable[Path]) -> str:
    """How many ``paths`` there are, how large, and the first of them."""
    paths = list(paths)
    size = readable(sum(map(bytes_of, paths)))
    return f"{len(paths)} ({size}): {first(map(quoted, paths))}"


def first(names: Iterable[str]) -> str:
    """The first of ``names``, and how many more there are."""
    names = list(names)
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])


def quoted(text: str | Path) -> str:
    """``text`` as one word of bash on one line, whatever bytes a file's name has."""
    text = str(text)
    if text.isprintable():
        return shlex.quote(text)
    letters = (chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}" for b in os.fsencode(text))
    return f"$'{''.join(letters)}'"


def remove(paths: Iterable[Path]) -> str:
    """The command that removes the first `NAMED` of ``paths``; the rest show at the next look."""
    return " ".join(["rm -r", *map(quoted, list(paths)[:NAMED])])
