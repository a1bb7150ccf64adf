"""Makes the demo's data sets in the official formats: seed, finetune, eval, controls.

    python py/world/make_data.py --output data/demo

Every record comes from a random stream of its own, named by the split, the data set and the record's number:
images of different sets, and of the two splits, are unrelated. ``--split tune`` is for choosing constants,
``report`` for results. Each set is a folder that is written aside and renamed.
"""

import argparse
import base64
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from json_files import write_json, write_jsonl
from records import EOC_TOKEN, IMAGE_TOKEN, LLAVA_IMAGE_TOKEN
from world.captions import true_caption, web_caption
from world.folders import atomic_folder
from world.questions import ASKERS, DESCRIBE, ask_choice, ask_reading
from world.render import jpeg, render
from world.scene import Scene, sample_scene, scene_stream

PARTS = ("seed", "finetune", "eval", "controls")
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


def scenes(stream: str, count: int) -> Iterator[tuple[Scene, Random]]:
    """Yield ``count`` scenes of a stream, each with its source, from which captions and questions draw on."""
    for index in range(count):
        rng = scene_stream(stream, index)
        yield sample_scene(rng), rng


def record_ids(stream: str, count: int) -> list[str]:
    """Nine-digit ids, unique within the stream, in no order."""
    return [f"{number:09d}" for number in Random(f"{stream}/ids").sample(range(10 * count), count)]


def image_path(record_id: str) -> str:
    """The official place of an image, ``images/00194/001948799.jpg``."""
    return f"images/{record_id[:5]}/{record_id}.jpg"


def save_image(folder: Path, record_id: str, scene: Scene) -> str:
    """Store an image below ``folder``; returns its `image_path`."""
    path = image_path(record_id)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(jpeg(render(scene)))
    return path


def dj_record(record_id: str, caption: str, image: str) -> dict:
    """One line of ``mgm_pretrain_stage_1.jsonl``."""
    return {"id": record_id, "text": f"{IMAGE_TOKEN}\n{caption} {EOC_TOKEN}", "images": [image]}


def llava_record(record_id: str, human: str, gpt: str, image: str) -> dict:
    """One record of ``stage_1.json`` or of the finetune set."""
    turns = [{"from": "human", "value": f"{LLAVA_IMAGE_TOKEN}\n{human}"}, {"from": "gpt", "value": gpt}]
    return {"id": record_id, "conversations": turns, "image": image}


def make_seed(folder: Path, stream: str, count: int) -> None:
    """Write the seed set: noisy captions as Data-Juicer and as LLaVA records."""
    dj, llava = [], []
    for record_id, (scene, rng) in zip(record_ids(stream, count), scenes(stream, count), strict=True):
        image = save_image(folder, record_id, scene)
        _, caption = web_caption(scene, rng)
        dj.append(dj_record(record_id, caption, image))
        llava.append(llava_record(record_id, rng.choice(DESCRIBE), caption, image))
    write_jsonl(folder / "mgm_pretrain_demo.jsonl", dj)
    write_json(folder / "stage_1.json", llava)


def make_controls(folder: Path, stream: str, count: int) -> None:
    """Write the seed's records with their true captions, and with these shuffled among the images."""
    ids = record_ids(stream, count)
    captions = [true_caption(scene) for scene, _ in scenes(stream, count)]
    shuffled = Random(f"{stream}/shuffle").sample(captions, count)
    for name, texts in (("clean", captions), ("shuffled", shuffled)):
        records = [dj_record(i, text, f"../seed/{image_path(i)}") for i, text in zip(ids, texts, strict=True)]
        write_jsonl(folder / f"{name}.jsonl", records)


def make_finetune(folder: Path, stream: str, count: int) -> None:
    """Write the finetune set: TextVQA-like and MMBench-like questions in turn."""
    out, ids = [], record_ids(stream, count)
    for n, (scene, rng) in enumerate(scenes(stream, count)):
        asked, image = ASKERS[n % len(ASKERS)](scene, rng), save_image(folder, ids[n], scene)
        out.append(llava_record(ids[n], asked.prompt(), asked.reply(), image))
    write_json(folder / "mgm_instruction_demo.json", out)


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


def make_part(part: str, folder: Path, stream: str, args: argparse.Namespace) -> None:
    """Fill ``folder`` with one of the data sets."""
    if part == "seed":
        make_seed(folder, f"{stream}/seed", args.seed_records)
    elif part == "controls":
        make_controls(folder, f"{stream}/seed", args.seed_records)
    elif part == "finetune":
        make_finetune(folder, f"{stream}/finetune", args.finetune_records)
    else:
        make_textvqa(folder / "textvqa", f"{stream}/textvqa", args.textvqa_questions)
        make_mmbench(folder / "mmbench", f"{stream}/mmbench", args.mmbench_questions)


def parse_args() -> argparse.Namespace:
    """The sizes of the demo's data; the defaults are what the demo has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder that gets a sub-folder per data set")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="data sets to make (default: all)")
    add("--seed_records", type=int, default=6000, help="records in the seed set (default: 6000)")
    add("--finetune_records", type=int, default=900, help="records in the finetune set (default: 900)")
    add("--textvqa_questions", type=int, default=400, help="TextVQA questions (default: 400)")
    add("--mmbench_questions", type=int, default=400, help="MMBench questions (default: 400)")
    add(
        "--split",
        choices=("report", "tune"),
        default="report",
        help="report: images for results (default); tune: others, for choosing constants",
    )
    add("--random_seed", type=int, default=1024, help="another number, another world (default: 1024)")
    return parser.parse_args()


def main() -> None:
    """Write each asked data set."""
    args = parse_args()
    for name in ("seed_records", "finetune_records", "textvqa_questions", "mmbench_questions"):
        if getattr(args, name) < 1:
            raise BadInput(f"--{name} {getattr(args, name)}: at least 1 is needed")
    for part in args.parts:
        with atomic_folder(args.output / part) as folder:
            make_part(part, folder, f"{args.split}/{args.random_seed}", args)


if __name__ == "__main__":
    cli.run(main)
