"""What the manifests of a folder list, and what lies there beside it."""

import json
import os
from fnmatch import fnmatch
from pathlib import Path

from graph.leftovers import CHECKPOINT, TEXTS

# What the scripts write beside what a stage is known by, in experiments, data, models and the folder of runs.
BESIDE = ("synth.log", "table.md", "check-data.jsonl", "*.sha256", "*.edited", "*.edited-[0-9]*")


def listed(folder: Path) -> set[str]:
    """Paths, relative to ``folder``, of what its stages made; of large sets the top folder alone."""
    found = set()
    for mark in folder.glob(".make/*.made"):
        stat = mark.with_suffix(".stat")
        if stat.exists():
            found |= json.loads(stat.read_bytes()).keys()
        else:
            with mark.with_suffix(".out").open(encoding="utf-8") as lines:
                found |= {line.rstrip("\n").split(" ", 2)[2].partition("/")[0] for line in lines}
    return found


def unlisted(folder: Path) -> list[Path]:
    """The highest files and folders in ``folder`` that no stage made; none where marks are damaged."""
    try:
        known = listed(folder)
    except (OSError, ValueError, LookupError, AttributeError):
        return []
    above = {parent for name in known for parent in parents(name)}
    found: list[Path] = []
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                name = str(path.relative_to(folder))
                if is_beside(path, folder) or name in known:
                    continue
                if name in above and entry.is_dir():
                    pending.append(path)
                elif holds_a_file(path, folder):
                    found.append(path)
    return sorted(found)


def holds_a_file(path: Path, folder: Path) -> bool:
    """Whether ``path`` is a file, or one lies below it, outside what is known."""
    if path.is_symlink() or not path.is_dir():
        return True
    return any(holds_a_file(entry, folder) for entry in path.iterdir() if not is_beside(entry, folder))


def parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def is_beside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is hidden, a training's, put aside, another experiment's, or one of `BESIDE`."""
    name, top = path.name, path.parent == folder
    if name.startswith(".") or name in TEXTS or CHECKPOINT.fullmatch(name):
        return True
    if top and (name.endswith((".part", "+")) or (path / ".make").is_dir()):
        return True
    return any(fnmatch(name, pattern) for pattern in BESIDE)
