"""What an experiment's folder says about its run, and whether the challenge allows to submit it."""

from pathlib import Path
from typing import Any, NamedTuple

from digest import sha256
from errors import BadInput, Problems
from records import caption_of, read_records
from shapes import RESULT, SCORED, read_shaped
from submission import logs, rules

STAGES = {"pretrain": "pretrain.log", "finetune": "finetuning.log"}
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
HASHED_WHOLE = 256_000_000  # the training's record of a larger input is no plain SHA-256


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
    for stage in STAGES:
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


def require_valid(run: Run) -> None:
    """Raise `BadInput` with all that makes the run no valid submission."""
    problems = Problems()
    check_samples(run, problems)
    for stage, log in STAGES.items():
        check_stage(run, stage, log, problems)
    check_chain(run, problems)
    problems.raise_if_any()


def check_samples(run: Run, problems: Problems) -> None:
    """Within the budget, of the seed, and not without synthesis."""
    where, count = run.folder / "synth.llava.json", len(run.samples)
    if count > run.rules.budget:
        problems.add(
            f"{where}: {count:,} samples, but profile {run.profile} allows {run.rules.budget:,}; "
            f"PRETRAIN_BUDGET={run.rules.budget} samples them"
        )
    for sample in run.samples:
        if sample.seed_caption is None:
            problems.add(
                f"{where}: id {sample.identity} is not of the seed; remove the record or correct --seed"
            )
    if run.synthesised == 0:
        problems.add(
            f"{where}: no synthesised sample, all captions and images are the seed's; the challenge asks for "
            "synthesis, choose another RECIPE"
        )


def global_batch(settings: dict) -> int:
    """Samples a step: batch per GPU × accumulation × GPUs."""
    return (
        settings["per_device_train_batch_size"]
        * settings["gradient_accumulation_steps"]
        * settings["world_size"]
    )


def check_stage(run: Run, stage: str, log: str, problems: Problems) -> None:
    """One training: one epoch, the official batch, one seed, and a log of as many steps as its data make."""
    where, settings, summary = run.folder / stage, run.settings(stage), run.summaries[stage]
    batch = global_batch(settings)
    official = run.rules.pretrain_batch if stage == "pretrain" else run.rules.finetune_batch
    if run.rules.official and batch != official:
        knob = f"{stage.upper()}_GLOBAL_BATCH_SIZE={official}"
        problems.add(f"{where}: global batch size {batch}, the challenge's is {official}; train with {knob}")
    if settings["num_train_epochs"] != 1 or settings["max_steps"] > 0:
        told = f"{settings['num_train_epochs']:g} epochs, max_steps {settings['max_steps']}"
        problems.add(f"{where}: trained for {told}, not for one epoch; train again")
    if settings["seed"] != run.results["random_seed"]:
        told = f"random seed {settings['seed']}, results.json says {run.results['random_seed']}"
        problems.add(f"{where}: {told}; these are of different runs, run 'make results'")
    samples = len(run.samples) if stage == "pretrain" else run.rules.finetune_samples
    if samples is not None and summary["samples"] != samples:
        told = f"{summary['samples']:,} samples were trained on, not {samples:,}"
        problems.add(f"{where}: {told}; train on the whole set, once")
    with (where / log).open("rb") as lines:
        curve = logs.read_curve(lines)
    fault = logs.curve_fault(curve) or logs.steps_fault(curve, summary["samples"], batch)
    if fault:
        problems.add(f"{where / log}: {fault}")


def check_chain(run: Run, problems: Problems) -> None:
    """Each file is the one that the next stage says it was made from."""
    folder, finetune = run.folder, run.args["finetune"]["inputs"]
    for path, recorded, reader in (
        (folder / "synth.llava.json", run.args["pretrain"]["inputs"]["data"], "pretrain"),
        (folder / "pretrain/mm_projector.bin", finetune["adapter"], "finetune"),
    ):
        if path.stat().st_size <= HASHED_WHOLE and sha256(path) != recorded:
            problems.add(f"{path}: not the file that {reader}/ was trained with; run 'make results'")
    if run.rules.official and "textvqa" not in run.results["scores"]:
        problems.add(f"{folder}/eval/textvqa: asked without OCR tokens, another test; evaluate with them")
    for test, entry in run.results["scores"].items():
        path = folder / "eval" / test.removesuffix("_pure") / "score.json"
        score = read_shaped(path, SCORED | {"n": int}, AGAIN)
        if (score["accuracy"], score["n"]) != (entry["accuracy"], entry["n"]):
            problems.add(f"{path}: not the score in results.json; run 'make results'")
    for stage in STAGES:
        if any(run.summaries[stage].get(key) != v for key, v in run.results["training"][stage].items()):
            problems.add(f"{folder / stage}/train_summary.json: not that in results.json; run 'make results'")
