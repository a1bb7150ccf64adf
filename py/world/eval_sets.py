"""The demo's two tests in the official formats: TextVQA and MMBench."""

import base64
import csv
from pathlib import Path
from random import Random

from json_files import write_json, write_jsonl
from world.questions import ask_choice, ask_reading
from world.render import jpeg, render
from world.scene import scenes

TSV_COLUMNS = (
    "index",
    "question",
    "hint",
    "A",
    "B",
    "C",
    "D",
    "answer",
    "category",
    "image",
    "source",
    "l2-category",
    "comment",
    "split",
)


def make_textvqa(folder: Path, stream: str, count: int) -> None:
    """Write TextVQA's questions, annotations and images."""
    (folder / "train_images").mkdir(parents=True)
    questions, annotations = [], []
    for n, (scene, rng) in enumerate(scenes(stream, count)):
        asked, image_id = ask_reading(scene, rng), f"{Random(f'{stream}/{n}/id').getrandbits(64):016x}"
        (folder / "train_images" / f"{image_id}.jpg").write_bytes(jpeg(render(scene)))
        questions.append({"question_id": image_id, "image": f"{image_id}.jpg", "text": asked.prompt()})
        answers = {"question": asked.question, "answers": [asked.answer] * 10}
        annotations.append({"question_id": n, "image_id": image_id, **answers})
    write_jsonl(folder / "llava_textvqa_val_v051_ocr.jsonl", questions)
    about = {"dataset_type": "val", "dataset_name": "textvqa", "dataset_version": "0.5.1"}
    write_json(folder / "TextVQA_0.5.1_val.json", {**about, "data": annotations})


def make_mmbench(folder: Path, stream: str, count: int) -> None:
    """Write MMBench's table, images in base64; each question is asked once (no circular variants)."""
    folder.mkdir(parents=True)
    with (folder / "mmbench_dev_20230712.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, TSV_COLUMNS, delimiter="\t", restval="", lineterminator="\n")
        table.writeheader()
        for index, (scene, rng) in enumerate(scenes(stream, count)):
            asked = ask_choice(scene, rng)
            options = dict(zip("ABCD", asked.options, strict=True))
            kind = {
                "category": asked.category,
                "l2-category": asked.l2_category,
                "source": "world",
                "split": "dev",
            }
            image = base64.b64encode(jpeg(render(scene))).decode()
            row = {"index": index, "question": asked.question, "answer": asked.letter, "image": image}
            table.writerow({**row, **options, **kind})
