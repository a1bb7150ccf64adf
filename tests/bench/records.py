"""400,000 records, models' answers in the store, through selection, budget, ledger and conversion.

    .venv/bin/python tests/bench/records.py [--records 400000]

The records are generated, and so are the answers; their images are never opened. Prints seconds of each step
and the most memory that its processes held together.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "py"), str(ROOT / "tests")]

RECIPE = """
process:
  - clip_image_text_similarity_filter: {hf_clip: "${SIMILARITY_MODEL}", statistic: seed_similarity}
  - threshold_selector: {field_key: __dj__stats__.seed_similarity, top_ratio: 0.4}
  - budget_selector: {budget: 200000, field_key: __dj__stats__.seed_similarity}
"""


def fill_store(folder: Path, count: int, clip: Path) -> None:
    """Write a checked seed of ``count`` records, their stage_1.json, and their similarities into a store."""
    from ops.models import Answers, opened
    from store import key_of

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


def timed(name: str, *command: object) -> tuple[float, float]:
    """Seconds of a command, and the most GB that it and its children held at once (PSS)."""
    start, most = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            [sys.executable, *map(str, command)], stdout=log, stderr=log, env=environment()
        )
        while process.poll() is None:
            most = max(most, held(process))
            time.sleep(0.1)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{name} failed:\n{log.read()[-3000:]}")
    seconds = time.perf_counter() - start
    print(f"  {name}: {seconds:.1f} s, {most / 1e9:.2f} GB", flush=True)
    return seconds, most / 1e9


def held(process: psutil.Process) -> int:
    """Bytes of a process and its children."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            total += each.memory_full_info().pss
    return total


def environment() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT / "py"), "CUDA_VISIBLE_DEVICES": ""}


def measure_records(folder: Path, count: int, processes: int) -> dict[str, float]:
    """``count`` records, models' answers in the store, through select, budget, ledger and conversion."""
    from world.standins import CLIP, restore

    clip = folder / CLIP
    restore(CLIP, ROOT / "py/world/weights" / CLIP, clip)
    fill_store(folder, count, clip)
    (folder / "recipe.yaml").write_text(RECIPE)
    work, py = folder / "work", ROOT / "py"
    seed, recipe, store = work / "seed.jsonl", folder / "recipe.yaml", folder / "store.sqlite"
    synth, ledger, stage1 = folder / "synth.jsonl", folder / "ledger.jsonl", folder / "stage_1.json"
    fill = ("--recipe", recipe, "--seed", seed, "--work", work, "--similarity_model", clip, "--store", store)
    convert = ("--synth", synth, "--stage1", stage1, "--output", folder / "synth.llava.json")
    steps = [
        ("fill", py / "fill_recipe.py", *fill, "--np", processes, "--batch_size", 1000),
        ("Data-Juicer", py / "run_data_juicer.py", "--config", work / "recipe.yaml"),
        ("ledger", py / "make_ledger.py", "--work", work, "--output", synth, "--ledger", ledger),
        ("convert", py / "dj_to_llava.py", *convert, "--budget", 200_000),
    ]
    measured = [timed(*step) for step in steps]
    return {"records": count, "seconds": sum(s for s, _ in measured), "GB": max(gb for _, gb in measured)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=400_000, help="default: 400000")
    parser.add_argument("--np", type=int, default=1, help="processes of Data-Juicer (default: 1)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        print(json.dumps(measure_records(folder, args.records, args.np), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
