"""400,000 records, models' answers in the store, through selection, budget, ledger and conversion.

    .venv/bin/python tests/bench/records.py [--records 400000]

The records are generated, and so are the answers; their images are never opened. Prints seconds of each step
and the largest memory of a process.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
        checks = {"seed_row": n + 1, "image_sha256": digest}
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
    """Seconds and GB of a command and its children."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env=environment()
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"  {name}: {time.perf_counter() - start:.1f} s", flush=True)
    return time.perf_counter() - start, gb


def environment() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT / "py"), "CUDA_VISIBLE_DEVICES": ""}


def measure_records(folder: Path, count: int) -> dict[str, float]:
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
        ("fill", py / "fill_recipe.py", *fill, "--np", 2, "--batch_size", 1000),
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
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        print(json.dumps(measure_records(folder, args.records), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
