"""What an experiment's folder says about its run."""

from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput, Problems
from record_files import read_records
from records import caption_of
from shapes import RESULT, read_shaped
from submission import rules

LOGS = {"pretrain": "pretrain.log", "finetune": "finetuning.log"}
NEEDED = {
    "synth.llava.json": "make synth",
    "pretrain/train_args.json": "make pretrain",
    "pretrain/train_summary.json": "make pretrain",
    "pretrain/pretrain.log": "make pretrain",
    "pretrain/mm_projector.bin": "make pretrain",
    "finetune/train_args.json": "make finetune",
    "finetune/train_summary.json": "make finetune",
    "finetune/finetuning.log": "make finetune",
    "finetune/model.safetensors.index.json": "make finetune",
    "eval/textvqa/bm1.jsonl": "make eval",
    "eval/textvqa/score.json": "make eval",
    "eval/mmbench/upload.xlsx": "make eval",
    "eval/mmbench/score.json": "make eval",
    "results.json": "make results",
    ".make/pretrain.log": "make pretrain, or keep there what pretrain.sh prints",
    ".make/finetune.log": "make finetune, or keep there what finetune.sh prints",
}
SETTINGS = {
    "num_train_epochs": float,
    "max_steps": int,
    "seed": int,
    "learning_rate": float,
    "world_size": int,
}
SETTINGS |= {"per_device_train_batch_size": int, "gradient_accumulation_steps": int}
READ = {"pretrain": "data", "finetune": "adapter"}  # the input of each training that the stage before it made
AGAIN = "make it again with 'make results'"
SAMPLE = {"id": str, "image": str, "conversations": [{"value": str}]}


class Sample(NamedTuple):
    """One sample trained on; ``seed_image`` and ``seed_caption`` None where the id is not of the seed."""

    identity: str
    caption: str
    image: str
    seed_image: str | None
    seed_caption: str | None


class Run(NamedTuple):
    """An experiment that ran to its end. ``args`` and ``summaries``: those of the two trainings, by stage."""

    folder: Path
    profile: str
    experiment: str
    results: dict[str, Any]
    args: dict[str, dict]
    summaries: dict[str, dict]
    samples: list[Sample]

    def settings(self, stage: str) -> dict[str, Any]:
        """What the training of ``stage`` ran with."""
        return self.args[stage]["settings"]

    @property
    def rules(self) -> rules.Rules:
        return rules.PROFILES[self.profile]

    @property
    def synthesised(self) -> int:
        """Samples whose caption or image is not the seed's."""
        return sum(s.caption != s.seed_caption or s.image != s.seed_image for s in self.samples)


def require_files(folder: Path) -> None:
    """Raise `BadInput` naming each file that the run lacks."""
    results = folder / "results.json"
    if results.is_file() and read_shaped(results, RESULT, AGAIN)["data"] is None:
        raise BadInput(f"{results}: nothing was pretrained on (PRETRAIN=no); run 'make results' with it")
    problems = Problems()
    for name, command in NEEDED.items():
        if not (folder / name).is_file():
            problems.add(f"{folder / name}: missing; {command}")
    problems.raise_if_any()


def read_run(folder: Path, profile: str, experiment: str, seed: Path) -> Run:
    """Read what the run left; raises `BadInput` where a file is missing or not what its name says."""
    require_files(folder)
    results = read_shaped(folder / "results.json", RESULT, AGAIN)
    args, summaries = {}, {}
    for stage in LOGS:
        shape = {"settings": SETTINGS, "inputs": {READ[stage]: str}}
        args[stage] = read_shaped(folder / stage / "train_args.json", shape, "train again")
        shape = {"samples": int, "steps": int, "loss": float}
        summaries[stage] = read_shaped(folder / stage / "train_summary.json", shape, "train again")
    samples = read_samples(folder / "synth.llava.json", seed)
    return Run(folder, profile, experiment, results, args, summaries, samples)


def read_samples(path: Path, seed: Path) -> list[Sample]:
    """The samples of ``path`` beside their seed records (the seed's bad ones are none)."""
    seeds = {record.id: record for record in read_records(seed, faults=[])}
    samples = []
    for number, entry in enumerate(read_shaped(path, [SAMPLE], "run 'make synth' again")):
        identity, image, turns = entry["id"], entry["image"], entry["conversations"]
        if len(turns) < 2:
            raise BadInput(f"{path}: {number}.conversations has no answer; run 'make synth' again")
        caption = turns[1]["value"]
        record = seeds.get(identity)
        old = (record.image, caption_of(record.text)) if record else (None, None)
        samples.append(Sample(identity, caption, seed_spelling(image, old[0], seed.parent), *old))
    return samples


def seed_spelling(image: str, of_seed: str | None, folder: Path) -> str:
    """``image`` as the seed writes it where it is its record's image, else as it is."""
    if of_seed is None or image == of_seed:
        return image
    one, other = folder / image, folder / of_seed
    return of_seed if one.exists() and other.exists() and one.samefile(other) else image


def global_batch(settings: dict) -> int:
    """Samples a step: batch per GPU × accumulation × GPUs."""
    return (
        settings["per_device_train_batch_size"]
        * settings["gradient_accumulation_steps"]
        * settings["world_size"]
    )
