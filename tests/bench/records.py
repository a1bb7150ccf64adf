"""400,000 records, models' answers in the store, through selection, budget, ledger and conversion.

    .venv/bin/python tests/bench/records.py [--json rows.json] [--records 400000] [--quick]

The records are generated, and so are the answers; their images are never opened. A quarter, half and all of
them: seconds of each step (and CPU seconds, which say more where the machine is shared), and the most memory
that its processes held together. --quick: no clock; what each step does for 1, 2 and 4 thousand records is
counted, calls of functions, bytes read and written, statements of SQLite: twice the records, twice the work.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
process:
  - clip_image_text_similarity_filter: {hf_clip: "${SIMILARITY_MODEL}", statistic: seed_similarity}
  - threshold_selector: {field_key: __dj__stats__.seed_similarity, top_ratio: 0.4}
  - budget_selector: {budget: %d, field_key: __dj__stats__.seed_similarity}
"""
COUNTED = (1000, 2000, 4000)
# Runs a script under a profiler, as `python -c COUNTER OUT SCRIPT ARGUMENTS`, and writes what it did.
COUNTER = """
import cProfile, json, pstats, re, runpy, sys
out, script = sys.argv[1:3]
sys.argv = sys.argv[2:]
sys.path[0] = script.rpartition("/")[0]
profile = cProfile.Profile()
try:
    profile.runcall(runpy.run_path, script, run_name="__main__")
finally:
    stats = pstats.Stats(profile).stats
    count = {"calls": sum(calls for _, calls, *_ in stats.values()), "bytes": 0}
    count["statements"] = sum(v[1] for k, v in stats.items() if "'execute' of 'sqlite3" in k[2])
    count["bytes"] = sum(map(int, re.findall(r"[rw]char: (\\d+)", open("/proc/self/io").read())))
    json.dump(count, open(out, "w"))
"""


def fill_store(folder: Path, count: int, clip: Path) -> None:
    """Write a checked seed of ``count`` records, their stage_1.json, and their similarities into a store."""
    from ops.answers import Answers
    from store import key_of, opened

    words = "red blue green small large cat dog house tree car photo of the a in on with sky".split()  # noqa: SIM905
    answers = Answers(str(clip), str(folder / "store.sqlite"), 1, ask="image-text cosine", dtype="float32")
    image = folder / "images" / "image.jpg"
    image.parent.mkdir()
    image.write_bytes(b"an image that nobody opens")
    lines, stage1, known = [], [], {}
    for n in range(count):
        caption = " ".join(words[(n * k) % len(words)] for k in (1, 3, 5, 7, 11, 13, n % 17)) + f" {n}"
        digest = hashlib.sha256(str(n).encode()).hexdigest()
        checks = {"seed_row": n + 1, "seed_image": str(image), "image_sha256": digest}
        record = {"id": f"{n:09d}", "text": f"<__dj__image>\n{caption} <|__dj__eoc|>", "images": [str(image)]}
        lines.append(json.dumps(record | checks))
        turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": caption}]
        stage1.append({"id": record["id"], "conversations": turns, "image": "images/image.jpg"})
        known[key_of(digest, caption)] = [((n * 7919) % 10000) / 10000, False]
    (folder / "work").mkdir()
    (folder / "work/seed.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "stage_1.json").write_text(json.dumps(stage1))
    opened(str(folder / "store.sqlite")).add(answers.model, known)


def commands(folder: Path, count: int, processes: int) -> Iterator[tuple[str, list[str]]]:
    """(name, command) of each step from a checked seed to the LLaVA file, in a ``folder`` made for it."""
    from world.shipped import CLIP, restore

    clip = folder / CLIP
    restore(CLIP, ROOT / "py/world/weights" / CLIP, clip)
    fill_store(folder, count, clip)
    (folder / "recipe.yaml").write_text(RECIPE % (count // 2))
    work = folder / "work"
    synth, ledger, stage1 = folder / "synth.jsonl", folder / "ledger.jsonl", folder / "stage_1.json"
    fill = ("--recipe", folder / "recipe.yaml", "--seed", work / "seed.jsonl", "--work", work)
    fill += ("--similarity_model", clip, "--store", folder / "store.sqlite", "--np", processes)
    steps = {
        "fill": ("fill_recipe.py", *fill, "--batch_size", 1000),
        "data_juicer": ("run_data_juicer.py", "--config", work / "recipe.yaml"),
        "ledger": ("make_ledger.py", "--work", work, "--output", synth, "--ledger", ledger),
        "convert": ("dj_to_llava.py", "--synth", synth, "--stage1", stage1, "--budget", count // 2),
    }
    steps["convert"] += ("--output", folder / "synth.llava.json")
    for name, (script, *options) in steps.items():
        yield name, [str(ROOT / "py" / script), *map(str, options)]


class Cost(NamedTuple):
    """Of a step: seconds by the wall's clock and of CPU, and the most GB held at once (PSS)."""

    seconds: float
    cpu_seconds: float
    gb: float


def cpu_seconds() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(name: str, command: list[str]) -> Cost:
    """Run a step."""
    start, cpu, most = time.perf_counter(), cpu_seconds(), 0
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen([sys.executable, *command], stdout=log, stderr=log, env=environment())
        while process.poll() is None:
            most = max(most, held(process))
            time.sleep(0.1)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{name} failed:\n{log.read()[-3000:]}")
    return Cost(time.perf_counter() - start, cpu_seconds() - cpu, most / 1e9)


def held(process: psutil.Process) -> int:
    """Bytes of a process and its children."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            total += each.memory_full_info().pss
    return total


def environment() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT / "py"), "CUDA_VISIBLE_DEVICES": ""}


def counted(name: str, command: list[str], out: Path) -> dict[str, int]:
    """Run a step under the profiler: calls of functions, bytes read and written, statements of SQLite."""
    whole = [sys.executable, "-c", COUNTER, str(out), *command]
    done = subprocess.run(whole, env=environment(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return json.loads(out.read_text())


def timed_rows(count: int, processes: int) -> list[dict]:
    """Seconds and memory for a quarter, half and all of ``count`` records."""
    rows = []
    for size in (count // 4, count // 2, count):
        with tempfile.TemporaryDirectory() as folder:
            found = {name: timed(name, command) for name, command in commands(Path(folder), size, processes)}
        steps = {name: {k: round(v, 2) for k, v in cost._asdict().items()} for name, cost in found.items()}
        seconds, cpu = (sum(cost[i] for cost in found.values()) for i in (0, 1))
        most = max(cost.gb for cost in found.values())
        rows.append(row(f"records_seconds_{size}", seconds, "s", cpu_seconds=round(cpu, 1), steps=steps))
        rows.append(row(f"records_gb_{size}", most, "GB"))
    detail = {"records": count, "processes": processes, "cpu_seconds": round(cpu, 1)}
    rows.insert(0, row("records_seconds", seconds, "s", 60, 30, **detail))
    rows.insert(1, row("records_gb", most, "GB", 2, 1, records=count, processes=processes))
    return rows


def counted_rows() -> list[dict]:
    """Per record and step what is done, and how much more than in proportion for the next two thousand."""
    counts: list[dict[str, dict[str, int]]] = []
    for size in COUNTED:
        with tempfile.TemporaryDirectory() as place:
            folder, out = Path(place), Path(place, "count.json")
            counts.append({name: counted(name, command, out) for name, command in commands(folder, size, 1)})
    rows, growth = [], {}
    few, some, many = counts
    for step in ("data_juicer", "ledger", "convert"):
        for what in few[step]:
            first, next_two = some[step][what] - few[step][what], many[step][what] - some[step][what]
            if first:
                growth[f"{step} {what}"] = round(next_two / (2 * first), 3)
            rows.append(row(f"{step}_{what}_a_record", next_two / (COUNTED[2] - COUNTED[1]), what))
    # Linear is 1, quadratic 2; Data-Juicer's calls differ by a few percent from run to run.
    return [row("records_growth", max(growth.values()), "×", 1.25, 1.1, of=growth), *rows]


def measure(records: int = 400_000, processes: int = 1, quick: bool = False) -> list[dict]:
    """The rows; ``quick``: counts only."""
    return counted_rows() if quick else timed_rows(records, processes)


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--records", type=whole_number, default=400_000, help="default: 400000")
    add("--np", type=whole_number, default=1, help="processes of Data-Juicer (default: 1)")
    add("--quick", action="store_true", help="count only, no clock; off: measure")
    args = parser.parse_args()
    tell(measure(args.records, args.np, args.quick), args.json)


if __name__ == "__main__":
    cli.run(main)
