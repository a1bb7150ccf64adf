"""Attacks: a command as its user gives it, and what must come of it.

A test marked ``attack(TABLE)`` is one attack of that table, or as many as it counts by `cases`; tally.py
adds them up. Those that take long are marked ``long`` too, and run in ``make torture`` alone.
"""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

PATIENCE_SECONDS = 300
PASSING = ("*.log", "*.lock", "owner", "store.sqlite*", "features/*", ".cores/*")
"""What a refused command may leave behind: what it said, who held a lock, answers that hold anyway."""


def run(
    command: list[str], folder: Path, env: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess:
    """Run ``command`` in ``folder``; ``env`` is added to this environment, make's own variables taken out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    options = {
        "timeout": PATIENCE_SECONDS,
        "capture_output": True,
        "text": True,
        "errors": "replace",
    } | options
    return subprocess.run(command, cwd=folder, env=kept | (env or {}), **options)


def require_refusal(done: subprocess.CompletedProcess, *words: str) -> None:
    """Assert that a command failed by its own will, said each of ``words``, and showed no traceback."""
    said = done.stdout + done.stderr
    assert 0 < done.returncode < 128, f"exit status {done.returncode}: {said[-3000:]}"
    assert "Traceback" not in said, said[-3000:]
    missing = [word for word in words if word not in said]
    assert not missing, f"not said: {missing}\n{said[-3000:]}"


def snapshot(folder: Path) -> dict[str, str]:
    """Relative path → sha256, or target of a link, of the files in ``folder``, less `PASSING`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if any(fnmatch(name, f"*{pattern}") for pattern in PASSING):
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif not path.is_dir():
            found[name] = "neither file nor folder"
    return found


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    """Assert that ``folders`` hold afterwards what they held before, byte for byte, and nothing more."""
    before = {folder: snapshot(folder) for folder in folders}
    yield
    for folder, was in before.items():
        now = snapshot(folder)
        changed = {name for name in was.keys() & now.keys() if was[name] != now[name]}
        assert now == was, (
            f"{folder}: changed {changed}, new {now.keys() - was.keys()}, gone {was.keys() - now.keys()}"
        )


@contextmanager
def spoilt(path: Path, content: bytes | str | None) -> Iterator[None]:
    """``path`` with another content, or away (None), for a while."""
    was = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        yield
    finally:
        path.write_bytes(was)


def cases(record_property: Callable[[str, object], None], number: int) -> None:
    """Count this test as ``number`` attacks."""
    record_property("cases", number)
