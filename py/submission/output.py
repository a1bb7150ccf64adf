"""What goes into output/: logs and evaluation; in the offline layout data and weights too."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from json_files import read_json
from mgm.layout import OFFICIAL_FOLDER, TOKENIZER_FILES
from records import text_of
from submission import rules
from submission.code_files import LEFT_OUT
from submission.piece import Piece, text
from submission.run import Run
from submission.solution import CODE, PROJECT

TOWERS = ("mm_vision_tower", "mm_vision_tower_aux")


def log_pieces(run: Run) -> Iterator[Piece]:
    """Both logs; the finetuning's under the kit's name and under that of the instructions."""
    yield Piece(f"{rules.PRETRAIN}{run.experiment}/pretrain.log", run.folder / "pretrain/pretrain.log")
    for name in ("finetune.log", "finetuning.log"):
        yield Piece(f"{rules.FINETUNE}{run.experiment}/{name}", run.folder / "finetune/finetuning.log")


def result_pieces(run: Run) -> Iterator[Piece]:
    """All that the evaluations wrote."""
    for test in ("textvqa", "mmbench"):
        folder = run.folder / "eval" / test
        for file in sorted(folder.rglob("*")):
            below = file.relative_to(folder)
            if file.is_file() and not any(LEFT_OUT.match(part) for part in below.parts):
                yield Piece(f"{rules.EVAL}{run.experiment}/{test}/{below.as_posix()}", file)


def data_pieces(run: Run, seed: Path) -> list[Piece]:
    """processed_data.jsonl, what was trained on, and the images in it that are not the seed's."""
    images: dict[str, str] = {}  # as trained on: as submitted
    folder = PurePosixPath(rules.DATA).parent
    taken: set[str] = set()
    lines = []
    for sample in run.samples:
        image = sample.image
        if image != sample.seed_image:
            if image not in images:
                images[image] = free_name(PurePosixPath(image), taken)
            image = images[image]
        lines.append({"id": sample.identity, "text": text_of(sample.caption), "images": [image]})
    written = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    made = [Piece(f"{folder}/{name}", seed.parent / image) for image, name in images.items()]
    return [text(rules.DATA, written), *made]


def free_name(image: PurePosixPath, taken: set[str]) -> str:
    """A name for a synthetic image that no other one has, in any case of its letters."""
    name, number = image.name, 1
    while name.lower() in taken:
        number += 1
        name = f"{image.stem}-{number}{image.suffix}"
    taken.add(name.lower())
    return f"{rules.SYNTHETIC_IMAGES}/{name}"


def weight_pieces(run: Run) -> list[Piece]:
    """Projectors and finetuned weights, with what loads them; a single file is named as a shard of one."""
    folder, target = run.folder / "finetune", f"{rules.FINETUNE}{run.experiment}"
    index = read_json(folder / rules.INDEX)
    names = {shard: shard for shard in sorted(set(index["weight_map"].values()))}
    if list(names) == ["model.safetensors"]:
        names = {"model.safetensors": "model-00001-of-00001.safetensors"}
    index["weight_map"] = {tensor: names[shard] for tensor, shard in index["weight_map"].items()}
    pieces = [
        Piece(
            f"{rules.PRETRAIN}{run.experiment}/{rules.PROJECTOR}", run.folder / "pretrain" / rules.PROJECTOR
        )
    ]
    pieces += [Piece(f"{target}/{name}", folder / shard) for shard, name in names.items()]
    pieces += [text(f"{target}/{rules.INDEX}", json.dumps(index, indent=1) + "\n")]
    pieces += [text(f"{target}/config.json", json.dumps(portable_config(folder), indent=1) + "\n")]
    return pieces + [
        Piece(f"{target}/{name}", folder / name) for name in TOKENIZER_FILES if (folder / name).is_file()
    ]


def portable_config(folder: Path) -> dict:
    """The model's configuration without a way to this machine: towers in solution/code, or by their names."""
    config = read_json(folder / "config.json")
    for field in TOWERS:
        here = config.pop(f"{field}_folder", None)
        tower = (folder / (here or config[field])).resolve()
        if here is None:
            config[field] = f"{OFFICIAL_FOLDER}/{tower.name}"
        if PROJECT in tower.parents:
            config[f"{field}_folder"] = f"../../../{CODE}/{tower.relative_to(PROJECT).as_posix()}"
    return dict(sorted(config.items()))
