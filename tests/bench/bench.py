"""Run the benchmarks, each in a process of its own, and hold their rows against the targets.

    .venv/bin/python tests/bench/bench.py [captions records …] [--quick]

Writes the rows to runs/bench.json and the tables of tests/bench/README.md. Of a benchmark that is not named
the rows stay as they were. --quick: operation counts only, no clock, into runs/bench.quick.json.

A benchmark is a script NAME.py with --json FILE, to which it writes a list of rows {"name", "value", "unit",
"target", "goal", "higher_is_better", "detail"}, target and goal null where a row only informs; with --quick,
if it has a form that counts, those rows alone. The status is not 0 if a benchmark fails or a row misses its
target; a missed goal only shows.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

import report

import cli
from errors import BadInput
from json_files import read_json, write_json

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
# Each benchmark, and the rows that it owes.
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "model": ("mining_gflop", "sample_flop_ratio", "train_speedup", "train_memory_ratio"),
    "evaluation": ("eval_speedup",),
    "captions": ("caption_speedup",),
    "records": ("records_seconds", "records_gb"),
    "demo": ("demo_minutes", "noop_seconds"),
    "graph": (),
    "input": ("input_fraction_demo", "input_fraction_a10"),
    "growth": (),
    "startup": (),
}
COUNTED = ("mining_gflop", "sample_flop_ratio")  # owed with --quick, too
FIELDS = {"name", "value", "unit", "target", "goal", "higher_is_better", "detail"}


def run(name: str, quick: bool) -> list[dict]:
    """The rows of benchmark ``name``; `BadInput` names it if it fails, or writes no such rows."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "rows.json")
        flags = ["--json", str(out), *["--quick"] * quick]
        status = subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *flags]).returncode
        if status:
            raise BadInput(f"{name}.py failed with status {status}, see above")
        if not out.is_file():
            raise BadInput(f"{name}.py ended well, but wrote no rows")
        rows = read_json(out)
    owed = [row for row in BENCHMARKS[name] if not quick or row in COUNTED]
    check(rows, owed, name)
    return rows


def check(rows: object, owed: list[str], name: str) -> None:
    """Raise `BadInput` unless ``rows`` are well formed, each name once, and none that is ``owed`` missing."""
    if not isinstance(rows, list):
        raise BadInput(f"{name}.py wrote no list of rows")
    for row in rows:
        if not isinstance(row, dict) or row.keys() != FIELDS:
            raise BadInput(
                f"{name}.py: a row must have {', '.join(sorted(FIELDS))}, not {json.dumps(row)[:200]}"
            )
        for field in ("value", "target", "goal"):
            number = row[field]
            if number is None and field != "value":
                continue
            if type(number) not in (int, float) or not math.isfinite(number):
                raise BadInput(f"{name}.py: {row['name']}: {field} {number!r} is no finite number")
    names = [row["name"] for row in rows]
    if missing := [row for row in owed if row not in names]:
        raise BadInput(f"{name}.py gave no row {', '.join(missing)}")
    if twice := sorted({row for row in names if names.count(row) > 1}):
        raise BadInput(f"{name}.py gave {', '.join(twice)} twice")


def judged(row: dict, name: str, where: dict) -> dict:
    """``row`` of benchmark ``name`` with ``holds``, ``goal_holds`` (null without a limit) and ``where``."""

    def holds(limit: float | None) -> bool | None:
        if limit is None:
            return None
        return row["value"] >= limit if row["higher_is_better"] else row["value"] <= limit

    order = ("name", "value", "unit", "target")
    kept = {field: row[field] for field in order} | {"holds": holds(row["target"]), "goal": row["goal"]}
    rest = {"goal_holds": holds(row["goal"]), "higher_is_better": row["higher_is_better"], "benchmark": name}
    return kept | rest | where | {"detail": row["detail"]}


def merged(old: list[dict], new: list[dict], name: str) -> list[dict]:
    """``old`` with the rows of benchmark ``name`` replaced by ``new``, in the order of `BENCHMARKS`."""
    others = [row for row in old if row["benchmark"] != name]
    if both := sorted({row["name"] for row in others} & {row["name"] for row in new}):
        raise BadInput(f"{name}.py: another benchmark gives {', '.join(both)} already")
    place = list(BENCHMARKS)
    known = [row for row in [*others, *new] if row["benchmark"] in place]
    return sorted(known, key=lambda row: place.index(row["benchmark"]))


def where() -> dict:
    """Machine, date and commit of a measurement."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{cpu.partition(': ')[2] or platform.machine()}, {cores} cores, {memory:.0f} GiB, "
    machine += f"Python {platform.python_version()}, torch {version('torch')}"
    return {"machine": machine, "date": time.strftime("%Y-%m-%d %H:%M"), "commit": commit()}


def commit() -> str | None:
    """The commit measured, with a + if tracked files differ from it; None outside a repository."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    if head.returncode:
        return None
    changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True).stdout
    return head.stdout.strip() + ("+" if changed else "")


def chosen(names: list[str]) -> list[str]:
    """``names``, or all; `BadInput` for one that is none."""
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise BadInput(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return [name for name in BENCHMARKS if name in names or not names]


def earlier(output: Path) -> list[dict]:
    """The rows that ``output`` holds; `BadInput` if these are none of ours."""
    rows = read_json(output) if output.exists() else []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "benchmark" in row for row in rows):
        raise BadInput(f"{output}: not written by make bench; remove it")
    return rows


def attempt(name: str, quick: bool) -> list[dict] | BadInput:
    """The judged rows of ``name``, or what is wrong with it; says that it runs, and how long it took."""
    print(f"{name} starts", flush=True)
    begun = time.monotonic()
    try:
        return [judged(row, name, where()) for row in run(name, quick)]
    except BadInput as error:
        return error
    finally:
        print(f"{name} took {time.monotonic() - begun:.0f} s\n", flush=True)


def run_all(names: list[str], quick: bool, output: Path) -> tuple[list[dict], list[str]]:
    """Run ``names``, each one's rows written to ``output`` as it ends; all rows, and what went wrong.

    One after the other; ``quick``, without a clock, as many at once as there are cores.
    """
    rows, wrong = earlier(output), []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        outcomes = (pool.map if quick else map)(partial(attempt, quick=quick), names)
        for name, outcome in zip(names, outcomes, strict=True):
            try:
                if isinstance(outcome, BadInput):
                    raise outcome
                rows = merged(rows, outcome, name)
            except BadInput as error:
                wrong.append(str(error))
            write_json(output, rows)
    return rows, wrong


def counting(names: list[str]) -> list[str]:
    """Those of ``names`` that have a form that counts; says which have none."""
    scripts = {name: FOLDER / f"{name}.py" for name in names}
    without = [
        name for name, script in scripts.items() if script.exists() and '"--quick"' not in script.read_text()
    ]
    if without:
        print(f"without a form that only counts, left out: {', '.join(without)}")
    return [name for name in names if name not in without]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="count only, no clock; off: measure")
    parser.add_argument("--output", type=Path, help="default: runs/bench.json, or runs/bench.quick.json")
    args = parser.parse_args()
    names = chosen(args.names)
    names = counting(names) if args.quick else names
    output = args.output or ROOT / "runs" / ("bench.quick.json" if args.quick else "bench.json")
    rows, wrong = run_all(names, args.quick, output)
    report.show(rows)
    print(f"written: {output}")
    if not args.quick:
        report.write_readme(rows, FOLDER / "README.md")
    for row in rows:
        if row["benchmark"] in names and row["holds"] is False:
            target = report.limit(row, "target")
            wrong.append(f"{row['name']} is {report.measured(row)}, the target is {target}")
    if wrong:
        raise BadInput("\n  ".join(["", *wrong]))


if __name__ == "__main__":
    cli.run(main)
