"""Which file goes where: everything is copied from the run or written anew, nothing moved or linked."""

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml

from errors import BadInput
from json_files import read_json
from mgm.layout import OFFICIAL_FOLDER, TOKENIZER_FILES
from records import text_of
from submission import rules
from submission.code_files import LEFT_OUT, code_files
from submission.run import Run
from submission.train_script import Command

PROJECT = Path(__file__).resolve().parents[2]
RECIPE = "solution/recipe"
CODE = "solution/code"
TOWERS = ("mm_vision_tower", "mm_vision_tower_aux")


class Piece(NamedTuple):
    """One file of the submission: its name there, and where it comes from or what is written."""

    name: str
    source: Path | bytes
    executable: bool = False

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def text(name: str, written: str, executable: bool = False) -> Piece:
    return Piece(name, written.encode(), executable)


def code_pieces() -> Iterator[Piece]:
    """The project's source, and its locked packages."""
    for name in code_files(PROJECT):
        file = PROJECT / name
        yield Piece(f"{CODE}/{name}", file, bool(file.stat().st_mode & 0o100))
    yield Piece(rules.REQUIREMENTS, PROJECT / "env/requirements.lock")


def recipe_pieces(recipe: Path) -> list[Piece]:
    """The recipe and the operators of its own, with the paths between them kept; the recipe first."""
    try:
        config = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{recipe}: not valid YAML; give the recipe that ran") from error
    if not isinstance(config, dict):
        raise BadInput(f"{recipe}: not a recipe; give the one that ran")
    named = [recipe.parent / path for path in config.get("custom_operator_paths") or []]
    files = [recipe]
    for path in named:
        below = path.rglob("*.py") if path.is_dir() else [path]
        files += sorted(
            file for file in below if not any(LEFT_OUT.match(part) for part in file.relative_to(path).parts)
        )
    for file in files:
        if not file.is_file():
            raise BadInput(
                f"{recipe}: custom_operator_paths names {file}, which is missing; correct the path"
            )
    files = [Path(os.path.abspath(file)) for file in files]  # noqa: PTH100 (links stay what they are called)
    start = os.path.commonpath([file.parent for file in files])
    return [Piece(f"{RECIPE}/{file.relative_to(start).as_posix()}", file) for file in files]


def deepspeed_pieces(commands: list[Command]) -> list[Piece]:
    """The DeepSpeed configuration that was used, where it is not one of the project's."""
    used = {command.value("deepspeed") for command in commands} - {None, *code_files(PROJECT)}
    return [Piece(f"solution/deepspeed/{Path(path).name}", PROJECT / path) for path in sorted(used)]


def seen_from_code(piece: Piece) -> str:
    """The path of what lies in solution/, as solution/code sees it."""
    return f"../{piece.name.removeprefix('solution/')}"


def from_code(command: Command, deepspeed: list[Piece]) -> Command:
    """``command`` with its own DeepSpeed configuration named where the submission has it."""
    moved = {str(piece.source): seen_from_code(piece) for piece in deepspeed}
    return command._replace(flags=[moved.get(str(PROJECT / word), word) for word in command.flags])


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
