"""A machine on its worst day, for the tests of faults: small disks, limits, processes that die."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from attacks import require_refusal, run
from builds import OUTPUTS, Build, processes_of

PRIVATE = ["unshare", "--mount", "bash", "-euc"]
"""Before a script: its mounts are its own."""


def require(*command: str) -> None:
    """Skip the test where the machine does not let us do ``command``."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"needs {command[0]}")
    if done.returncode:
        pytest.skip(f"this machine does not allow '{' '.join(command[:3])}': {done.stderr.strip()}")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system in memory over ``folder``, with what lay there."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.copytree(folder, kept, symlinks=True)
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
        shutil.rmtree(kept)
        pytest.skip("mounting needs root")
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        remount(folder, *options)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(kept)


def remount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-o", ",".join(("remount", *options)), folder], check=True)


def used(folder: Path) -> int:
    """Bytes that ``folder``, mounted, holds."""
    return shutil.disk_usage(folder).used


def forget(build: Build, *stages: str) -> None:
    """Take away what ``stages`` made."""
    for stage in stages:
        place = build.folder / OUTPUTS[stage]
        shutil.rmtree(place) if place.is_dir() else place.unlink()


def manifest(build: Build, stage: str) -> str:
    """What ``stage`` made: the sha256 of each file."""
    inside = Path(OUTPUTS[stage]) if stage in ("standins", "world") else Path("runs/demo/default")
    return (build.folder / inside / f".make/{stage}.out").read_text()


def require_named(build: Build, done: subprocess.CompletedProcess, *words: str) -> None:
    """As `require_refusal`, and no stage's log holds a traceback either."""
    require_refusal(done, *words)
    for log in [*build.run().glob(".make/*.log"), *build.folder.glob("*/demo/.make/*.log")]:
        assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[-4000:]


def make_under(
    before: list[str], build: Build, *goals: str, **options: object
) -> subprocess.CompletedProcess:
    """Make ``goals``, the command of which stands behind the words ``before``."""
    knobs = options.pop("knobs", {})
    return run([*before, *build.command(*goals, **knobs)], build.folder, **options)


def wait_for(build: Build, stage: str, words: str, seconds: float = 120) -> None:
    """Return when the log of ``stage`` holds ``words``."""
    log, deadline = build.run() / f".make/{stage}.log", time.monotonic() + seconds
    while not log.exists() or words not in log.read_text():
        assert time.monotonic() < deadline, (build.folder / "make.log").read_text()
        time.sleep(0.02)


def find(build: Build, words: str, seconds: float = 120, variable: str = "", least: int = 1) -> list[int]:
    """At least so many processes of ``build`` by ``words`` in their command, a ``variable`` they have."""
    deadline = time.monotonic() + seconds
    while True:
        found = [pid for pid, line in processes_of(build).items() if words in line and has(pid, variable)]
        if len(found) >= least or time.monotonic() > deadline:
            return sorted(found)
        time.sleep(0.02)


def has(pid: int, variable: str) -> bool:
    try:
        return not variable or os.fsencode(variable) in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
