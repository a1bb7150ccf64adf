"""Folders of runs as a sweep leaves them, with answers drawn from a known truth."""

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from digest import sha256
from json_files import read_json, write_json, write_jsonl

QUESTIONS = {"textvqa": 60, "mmbench": 80}
CATEGORIES = ("colour", "shape", "place")
STAGES = ("synth", "convert", "pretrain", "finetune", "textvqa", "mmbench")


def answers(generator: np.random.Generator, share: float, test: str) -> dict[str, float]:
    """{question: 0 or 1}, right with probability ``share``."""
    right = generator.random(QUESTIONS[test]) < share
    return {str(number): float(hit) for number, hit in enumerate(right)}


def write_run(runs: Path, recipe: str, random_seed: int, share: float = 0.5, **changes) -> Path:
    """``runs/RECIPE-sSEED``; ``changes``: of results.json's fields, or ``marks={stage: {knob: value}}``."""
    folder = runs / f"{recipe}-s{random_seed}"
    generator = np.random.default_rng([random_seed, *recipe.encode()])
    marks = changes.pop("marks", {})
    scores = {test: changes.pop(test, None) or answers(generator, share, test) for test in QUESTIONS}
    for test, per_question in scores.items():
        write_test(folder / "eval" / test, test, per_question)
    losses = {"pretrain": generator.random(20).round(4), "finetune": generator.random(10).round(4)}
    for stage, history in losses.items():
        log = [{"step": step, "loss": float(loss)} for step, loss in enumerate(history, 1)]
        write_json(folder / stage / "trainer_state.json", {"log_history": log})
    for stage in STAGES:
        write_mark(folder, stage, random_seed, marks.get(stage, {}))
    write_json(folder / "results.json", result(recipe, random_seed, scores) | changes)
    return folder


def result(recipe: str, random_seed: int, scores: dict[str, dict[str, float]]) -> dict:
    """results.json, with what the leaderboard reads."""
    protocol = {"prompt": "p", "question_file_sha256": "ab", "image": "pad", "decoding": "greedy"}
    protocol |= {"max_new_tokens": 128, "dtype": "float32", "batch_size": 50}
    training = {"samples": 60, "steps": 20, "loss": 0.5, "seconds": 6.0, "flop": 1e12}
    return {
        "profile": "demo",
        "experiment": f"{recipe}-s{random_seed}",
        "recipe": recipe,
        "random_seed": random_seed,
        "scores": {
            test: {"accuracy": 100 * float(np.mean(list(found.values()))), "n": len(found), "ci95": [0, 100]}
            for test, found in scores.items()
        },
        "baseline": None,
        "ratio": None,
        "data": {"seed": 100, "kept": 20, "recaptioned": 40, "dropped": {"threshold_selector": 40}}
        | {"selected": 60, "unique": 60, "synthesised": 40, "notes": {"caption_check": {"ok": 40}}}
        | {"steps": [{"op": "blip2_caption_mapper", "in": 100, "out": 100, "changed": 40}]},
        "training": {"pretrain": training, "finetune": training},
        "protocol": {test: {"test": test} | protocol for test in scores},
        "inputs": {"finetune_data": "f", "recipe": f"recipe {recipe}", "synth": f"synth {recipe}"},
        "versions": {"python": "3.11", "torch": "2"},
    }


def write_test(folder: Path, test: str, per_question: dict[str, float]) -> None:
    """score.json and the answers, in the folder of a test."""
    mean = 100 * float(np.mean(list(per_question.values())))
    score = {"accuracy": mean, "n": len(per_question), "per_question": per_question}
    if test == "mmbench":
        by_category = {c: [h for q, h in per_question.items() if category(q) == c] for c in CATEGORIES}
        score["per_category"] = {c: 100 * float(np.mean(hits)) for c, hits in by_category.items() if hits}
    write_json(folder / "score.json", score)
    name = "answers.jsonl" if test == "mmbench" else "bm1.jsonl"
    lines = [
        {"question_id": int(q) if test == "mmbench" else q, "prompt": f"Question {q}?", "text": f"{hit:g}"}
        for q, hit in per_question.items()
    ]
    (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def category(question: str) -> str:
    return CATEGORIES[int(question) % len(CATEGORIES)]


def write_mark(folder: Path, stage: str, random_seed: int, knobs: dict[str, str]) -> None:
    """A mark of the graph, as far as it is compared."""
    mark = {
        "knobs": {"RANDOM_SEED": str(random_seed), "EVAL_BATCH_SIZE": "50"} | knobs,
        "reads": {f"py/{stage}.py": [1, 1, 1, "aa", "aa"]},
        "packages": {"roots": ["torch"], "versions": {"torch": "2"}},
        "inputs": {"data/demo/.make/world": "w"},
        "started": 0.0,
        "seconds": 12.0,
        "outputs": {"digest": "d", "files": 1, "bytes": 1, "listed": True},
    }
    write_json(folder / ".make" / f"{stage}.made", mark)


def write_evaluation(folder: Path, categories: dict[str, str] | None = None) -> dict[str, dict]:
    """The question files that the runs answered; returns results.json's protocols, which name their hashes.

    ``categories``: of MMBench's questions that have another one than `category` gives.
    """
    picture = io.BytesIO()
    Image.new("RGB", (24, 16), (200, 40, 40)).save(picture, "JPEG")
    write_textvqa(folder / "textvqa", picture.getvalue())
    write_mmbench(folder / "mmbench", b64encode(picture.getvalue()).decode(), categories or {})
    names = {"textvqa": "llava_textvqa_val_v051_ocr.jsonl", "mmbench": "mmbench_dev_20230712.tsv"}
    made = result("any", 1, {test: {"0": 0.0} for test in names})["protocol"]
    return {
        test: made[test] | {"question_file_sha256": sha256(folder / test / name)}
        for test, name in names.items()
    }


def write_textvqa(folder: Path, picture: bytes) -> None:
    """TextVQA's questions, annotations and images."""
    (folder / "train_images").mkdir(parents=True)
    names = [str(number) for number in range(QUESTIONS["textvqa"])]
    for name in names:
        (folder / "train_images" / f"{name}.jpg").write_bytes(picture)
    lines = [{"question_id": name, "image": f"{name}.jpg", "text": f"word {name}?"} for name in names]
    write_jsonl(folder / "llava_textvqa_val_v051_ocr.jsonl", lines)
    annotations = [
        {"question_id": int(name), "image_id": name, "question": f"word {name}?", "answers": ["cola"] * 10}
        for name in names
    ]
    write_json(folder / "TextVQA_0.5.1_val.json", {"data": annotations})


def write_mmbench(folder: Path, picture: str, categories: dict[str, str]) -> None:
    """MMBench's table."""
    folder.mkdir(parents=True)
    rows = ["\t".join(("index", "question", "hint", *"ABCD", "answer", "category", "image", "split"))]
    for number in range(QUESTIONS["mmbench"]):
        of = categories.get(str(number), category(str(number)))
        rows.append("\t".join((str(number), f"where {number}?", "", *"wxyz", "B", of, picture, "dev")))
    (folder / "mmbench_dev_20230712.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


LEDGER_LINE = {"outcome": "recaptioned", "op": None, "stats": {}, "selected": True, "repeated": 1}


def write_board(
    root: Path, shares: dict[str, float], random_seeds: Sequence[int], **changes
) -> dict[str, Path]:
    """A sweep below ``root``: evaluation sets, runs, ledgers, leaderboard.json; make_report.py's options.

    ``shares``: {recipe: share of right answers}; ``changes``: of every run's results.json, or
    ``categories`` of `write_evaluation`, ``by_recipe={recipe: changes of its runs}``, ``asked``: random seeds
    that the leaderboard asks for, if not ``random_seeds``.
    """
    from leaderboard.board import leaderboard
    from leaderboard.sweep import read_sweep

    asked, by_recipe = changes.pop("asked", random_seeds), changes.pop("by_recipe", {})
    protocol = write_evaluation(root / "eval", changes.pop("categories", None))
    runs = root / "runs" / "demo"
    marks = {"synth": {"SEED": str(write_seed(root / "seed"))}}
    for recipe, share in shares.items():
        for random_seed in random_seeds:
            own = {"protocol": protocol, "marks": marks} | changes | by_recipe.get(recipe, {})
            folder = write_run(runs, recipe, random_seed, share, **own)
            line = LEDGER_LINE | {"seed_caption": "old words", "caption": f"new words of {recipe}"}
            write_jsonl(folder / "ledger.jsonl", [line | {"id": "000000001"}])
    board = leaderboard(read_sweep(runs, list(shares), list(asked)), {"captions": 10**9})
    write_json(runs / "leaderboard.json", board)
    return {
        "leaderboard": runs / "leaderboard.json",
        "eval_data": root / "eval",
        "output": root / "runs" / "demo" / "report.html",
    }


def write_seed(folder: Path) -> Path:
    """A seed of one record."""
    folder.mkdir(parents=True)
    Image.new("RGB", (20, 12), (40, 40, 200)).save(folder / "1.jpg")
    record = {"id": "000000001", "text": "<__dj__image>\nold words <|__dj__eoc|>", "images": ["1.jpg"]}
    write_jsonl(folder / "seed.jsonl", [record])
    return folder / "seed.jsonl"


def change(path: Path, **fields) -> None:
    """Other ``fields`` of a JSON file."""
    write_json(path, read_json(path) | fields)


def change_mark(folder: Path, stage: str, **parts: dict) -> None:
    """Entries put into ``parts`` (knobs, reads, inputs, …) of a mark; None takes one out."""
    path = folder / ".make" / f"{stage}.made"
    mark = read_json(path)
    for part, entries in parts.items():
        merged = mark[part] | entries
        mark[part] = {name: value for name, value in merged.items() if value is not None}
    write_json(path, mark)


def without_pretraining(folder: Path) -> Path:
    """As ``PRETRAIN=no`` leaves a run: no data, and three stages fewer."""
    training = read_json(folder / "results.json")["training"]
    change(
        folder / "results.json",
        training=training | {"pretrain": None},
        data=None,
        inputs={"finetune_data": "f"},
    )
    for stage in STAGES[:3]:
        (folder / ".make" / f"{stage}.made").unlink()
    change_mark(folder, "finetune", knobs={"PRETRAIN": "no"})
    return folder
