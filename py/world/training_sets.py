"""The demo's sets of captions and instructions in the official formats: seed, controls, finetune."""

from pathlib import Path
from random import Random

from json_files import write_json, write_jsonl
from records import EOC_TOKEN, IMAGE_TOKEN, LLAVA_IMAGE_TOKEN
from world.captions import true_caption, web_caption
from world.questions import ASKERS, DESCRIBE
from world.render import jpeg, render
from world.scene import Scene, scenes


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
