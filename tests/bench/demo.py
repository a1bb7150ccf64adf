"""The demo from nothing to its result, and again with nothing to do.

    .venv/bin/python tests/bench/demo.py [--json rows.json] [--repeats 5]

A copy of the working tree, uncommitted changes included, is built in a temporary folder with the installation
of this one: `make results`, the baseline's build included. Prints minutes, and seconds of each stage; then
the median of further `make results`. Needs `make env`.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli
from errors import BadInput
from json_files import read_json

ROOT = Path(__file__).resolve().parents[2]


def copy_tree(target: Path) -> None:
    """Copy the files that git knows or would add to ``target``; .venv is shared."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # not: deleted, and not yet committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")


def make(folder: Path, *words: str) -> str:
    """What make prints, started as by hand: knobs of this process's environment do not reach it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(["make", *words], cwd=folder, env=kept, capture_output=True, text=True)
    if done.returncode:
        raise BadInput(f"make {' '.join(words)} failed in a copy of {ROOT}:\n{done.stderr[-3000:]}")
    return done.stdout


def timed(folder: Path) -> tuple[float, float, str]:
    """Seconds and CPU seconds of `make results`, and what it prints."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    printed = make(folder, "results")
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, printed


def stages(folder: Path) -> dict[str, float]:
    """Seconds of each stage, by its mark."""
    marks = sorted([*folder.glob("*/*/.make/*.made"), *folder.glob("runs/*/*/.make/*.made")])
    names = {mark: f"{mark.parents[1].relative_to(folder)}: {mark.stem}" for mark in marks}
    return {name: read_json(mark)["seconds"] for mark, name in names.items()}


def measure(repeats: int = 5) -> list[dict]:
    """The rows `demo_minutes` and `noop_seconds`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_tree(folder)
        if make(folder, "plan", "GOAL=env").strip() != "up to date":
            raise BadInput(f"{ROOT}/.venv is not what env/ locks; run 'make env' first")
        seconds, busy, _ = timed(folder)
        parts = stages(folder)
        again = [timed(folder) for _ in range(repeats)]
        for _, _, printed in again:
            assert "nothing to do" in printed and "starts" not in printed, printed[-2000:]
    noop, idle = (statistics.median(column) for column in list(zip(*again, strict=True))[:2])
    return [
        row("demo_minutes", seconds / 60, "min", 3, 2, cpu_seconds=round(busy, 1), stages=parts),
        row("noop_seconds", noop, "s", 1, 0.3, cpu_seconds=idle),
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=whole_number, default=5, help="of the second part (default: 5)")
    args = parser.parse_args()
    tell(measure(args.repeats), args.json)


if __name__ == "__main__":
    cli.run(main)
