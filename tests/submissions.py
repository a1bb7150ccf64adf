"""A run never trained, with every file that a submission is made from: official numbers, tiny files."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
from safetensors.numpy import save_file

from submission.rules import XLSX_COLUMNS

SAMPLES, FINETUNE_SAMPLES = 600, 240_000
SETTINGS = {"num_train_epochs": 1.0, "max_steps": -1, "seed": 1024, "world_size": 4, "use_cpu": False}
SETTINGS |= {"gradient_accumulation_steps": 4, "per_device_train_batch_size": 16, "learning_rate": 0.001}
WEIGHTS = [
    "model.embed_tokens.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.mm_projector.0.weight",
    "model.vlm_uni_query_projector.0.weight",
    "model.vlm_uni_aux_projector.0.weight",
]


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")


def log(steps: int) -> str:
    """A training's log of ``steps`` steps."""
    lines = [f"{{'loss': {6.7 - 3 * i / steps:.4f}, 'epoch': {i / steps:.4f}}}" for i in range(1, steps + 1)]
    return "\n".join(["loading", *lines, 'train.py: {"samples": 0, "loss": 1.5}']) + "\n"


def torch_file(path: Path) -> None:
    """What `torch.save` writes, as far as it is looked at."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mm_projector/data.pkl", b"\x80\x02}.")


def workbook(rows: int) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.append(XLSX_COLUMNS)
    for row in range(rows):
        book.active.append([row, "Q?", "a", "b", None, None, "A", "A", "dev"])
    book.save(content)
    return content.getvalue()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_seed(folder: Path, count: int) -> Path:
    lines = []
    for number in range(count):
        text = f"<__dj__image>\nseed caption {number} <|__dj__eoc|>"
        lines.append(json.dumps({"id": f"{number:09d}", "text": text, "images": [f"images/00/{number}.jpg"]}))
    put(folder / "seed.jsonl", "\n".join(lines) + "\n")
    return folder / "seed.jsonl"


def sample(number: int, caption: str | None = None, image: str | None = None) -> dict:
    turns = [{"from": "human", "value": "<image>\nWhat is this?"}]
    turns += [{"from": "gpt", "value": caption or f"seed caption {number}"}]
    return {"id": f"{number:09d}", "conversations": turns, "image": image or f"images/00/{number}.jpg"}


def write_training(run: Path, stage: str, samples: int, batch: int, inputs: dict, printed: str) -> None:
    steps, folder = -(-samples // batch), run / stage
    settings = SETTINGS | {"per_device_train_batch_size": batch // 16}
    put(folder / "train_args.json", {"settings": settings, "inputs": inputs})
    put(folder / "train_summary.json", {"samples": samples, "steps": steps, "loss": 3.7, "seconds": 1.0})
    put(folder / {"pretrain": "pretrain.log", "finetune": "finetuning.log"}[stage], log(steps))
    put(run / f".make/{stage}.log", f"+ {printed}\n{log(steps)}")


def write_weights(folder: Path) -> None:
    names = {name: np.full((2, 3), i, "f4") for i, name in enumerate(WEIGHTS)}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(names, folder / "model.safetensors", metadata={"format": "pt"})
    index = {"metadata": {"total_size": 120}, "weight_map": dict.fromkeys(names, "model.safetensors")}
    put(folder / "model.safetensors.index.json", index)
    towers = {
        "mm_vision_tower": "/home/me/openai/clip-vit",
        "mm_vision_tower_aux": "model_zoo/OpenAI/openclip",
    }
    put(folder / "config.json", towers | {"mm_vision_tower_aux_folder": "../../../models/openclip"})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        put(folder / name, {"a": 1})


def write_evaluation(run: Path) -> None:
    answers = [{"question_id": i, "prompt": "Q?", "text": "A"} for i in range(3)]
    lines = "".join(json.dumps(answer) + "\n" for answer in answers)
    for test, name in (("textvqa", "bm1.jsonl"), ("mmbench", "answers.jsonl")):
        put(run / "eval" / test / name, lines)
        put(run / "eval" / test / "answers/1_0.jsonl", lines)
        put(run / "eval" / test / "score.json", {"accuracy": 50.0, "n": 3})
    (run / "eval/mmbench/upload.xlsx").write_bytes(workbook(3))


def write_results(run: Path) -> None:
    score = {"accuracy": 50.0, "n": 3, "ci95": [20.0, 80.0]}
    protocol = {"decoding": "greedy", "dtype": "bfloat16", "max_new_tokens": 128}
    summaries = {
        s: json.loads((run / s / "train_summary.json").read_text()) for s in ("pretrain", "finetune")
    }
    result = {
        "random_seed": 1024,
        "scores": {"textvqa": score, "mmbench": score},
        "protocol": {"textvqa": protocol, "mmbench": protocol},
        "data": {"seed": SAMPLES, "selected": SAMPLES, "unique": SAMPLES, "synthesised": 2},
        "training": summaries,
        "versions": {"python": "3.11"},
        "inputs": {"seed": "0" * 64},
        "baseline": {"experiment": "base"},
        "ratio": {"textvqa": 1.1, "mmbench": 2.0, "mean": 1.55},
    }
    put(run / "results.json", result)


def write_run(folder: Path, samples: list[dict] | None = None) -> Path:
    """runs/full/mine in ``folder``, beside seed.jsonl and recipe.yaml."""
    run = folder / "runs/full/mine"
    write_seed(folder, SAMPLES)
    put(folder / "recipe.yaml", "process:\n  - blip2_caption_mapper: {}\n")
    mixed = [sample(i, "a new caption" if i < 2 else None) for i in range(SAMPLES)]
    put(run / "synth.llava.json", mixed if samples is None else samples)
    (run / "pretrain").mkdir()
    torch_file(run / "pretrain/mm_projector.bin")
    flags = "--data_path runs/full/mine/synth.llava.json --learning_rate 1e-3 --seed 1024"
    python = "/somewhere/.venv/bin/python"
    count = SAMPLES if samples is None else len(samples)
    for stage, number, batch, given in (
        ("pretrain", count, 256, {"data": sha256(run / "synth.llava.json")}),
        ("finetune", FINETUNE_SAMPLES, 128, {"adapter": sha256(run / "pretrain/mm_projector.bin")}),
    ):
        launch = f"{python} -m deepspeed.launcher.runner --num_gpus 4 /somewhere/py/train.py"
        output = f"--output_dir runs/full/mine/{stage} --global_batch_size {batch}"
        write_training(run, stage, number, batch, given, f"{launch} {flags} {output}")
    write_weights(run / "finetune")
    write_evaluation(run)
    write_results(run)
    return run
