"""From a plan to what each stage needs: operations, hours, memory, disk."""

import argparse
import os
from dataclasses import dataclass, field

from costs import published, sizes
from costs.batch import Machine, Training
from costs.captioning import caption_flop, matching_flop, similarity_flop
from costs.flops import answering_flop, training_flop
from costs.memory import sizes as parameter_counts
from costs.memory import step_memory
from costs.plan import LONGEST, plan, why_not
from costs.sample import Sample
from costs.shapes import mgm_config, on_meta
from costs.states import Memory, checkpoint_bytes, transferred_bytes
from costs.step import prepare
from mgm.activations import INPUTS
from mgm.model import MGMGemmaForCausalLM

# Positions of a question, tokens of its answer, questions a picture (MMBench: circular variants).
READ = {"textvqa": (720, 10, 5000 / 3166), "mmbench": (690, 3, 4)}
OCR_SECONDS = 0.27  # RapidOCR, an image of the seed on one core
PCIE = 22e9  # bytes a second between GPU and host, version 4, 16 lanes
IMAGE_SECONDS = 0.0146  # decode and resize for both towers, an image of the seed on one core


@dataclass
class Stage:
    """What a stage needs; ``note`` says how it runs, ``warnings`` what will not do."""

    name: str
    note: str = ""
    flop: float = 0
    hours: float | None = None
    memory: Memory | None = None
    disk: float = 0
    warnings: list[str] = field(default_factory=list)


def download_stage(profile: sizes.Profile, megabytes_per_second: float) -> Stage:
    """Fetch everything."""
    count = sizes.download_bytes(profile)
    took = count / (megabytes_per_second * 1e6) / 3600
    note = f"at {megabytes_per_second:g} MB/s"
    return Stage("download", note, hours=took, disk=sizes.disk_bytes(profile))


def synth_stage(recipe: str, records: int, machine: Machine, efficiency: float | None, cores: int) -> Stage:
    """Ask the recipe's models once a record, CLIP twice; ``recipe`` is the text of the .yaml."""
    asked = {
        "captions": (recipe.count("${CAPTIONER}") and caption_flop(), 1),
        "similarities": (recipe.count("${SIMILARITY_MODEL}") and similarity_flop(), 2),
        "matches": (recipe.count("${MATCHING_MODEL}") and matching_flop(), 1),
    }
    flop = records * sum(each * times for each, times in asked.values())
    took = machine.hours(flop, efficiency or published.SYNTHESIS)
    names = [name for name, (each, _) in asked.items() if each]
    if "rapidocr" in recipe and took is not None:
        names.append(f"OCR on {cores} cores")
        took += records * OCR_SECONDS / cores / 3600
    note = "at most: " + ", ".join(names) if names else "no model"
    if names and machine.gpus > 1:
        note += (
            f"; with SYNTH_PROCESSES={machine.gpus}"  # each is on one GPU, and without the knob there is one
        )
    return Stage("synth", note, flop, took, disk=records * 5_000)


def training_stage(
    model: MGMGemmaForCausalLM,
    training: Training,
    samples: int,
    mean: Sample,
    machine: Machine,
    efficiency: float | None,
    workers: int,
) -> Stage:
    """Plan the batch, then count ``samples`` of which ``mean`` is the mean."""
    batch, kept = plan(model, training, machine)
    stage = Stage(training.name)
    if not batch:
        stage.warnings.append(why_not(model, training, machine))
        batch = training.batch or 1
    prepare(model, training.name, kept)
    stage.memory = step_memory(model, batch, LONGEST[training.name], machine.gpus, machine.offload)
    pretrain = training.name == "pretrain"
    stage.flop = samples * training_flop(model, training.name, kept).of(mean)
    usual = published.PRETRAIN if pretrain else published.FINETUNE
    stage.hours = machine.hours(stage.flop, efficiency or usual.efficiency)
    parameters, trained = parameter_counts(model)
    if stage.hours and machine.offload:
        stage.hours += samples / (batch * machine.gpus) * transferred_bytes(trained) / PCIE / 3600
    stage.disk = checkpoint_bytes(trained, trained if pretrain else parameters)
    accumulation = training.global_batch_size // (batch * machine.gpus)
    checkpointing = ", checkpointing" if kept == INPUTS else ""
    stage.note = f"{batch} a GPU × {accumulation} × {machine.gpus} GPUs{checkpointing}"
    stage.warnings += slow_loading(stage, samples, machine, workers)
    return stage


def slow_loading(stage: Stage, samples: int, machine: Machine, workers: int) -> list[str]:
    """A warning where more than ``workers`` processes a GPU were needed to load the images in time."""
    busy = samples * IMAGE_SECONDS / (stage.hours * 3600 * machine.gpus) if stage.hours else 0
    if busy <= workers:
        return []
    return [f"{stage.name}: loading images keeps {busy:.1f} cores a GPU busy; raise DATALOADER_NUM_WORKERS"]


def answering_stage(
    model: MGMGemmaForCausalLM, name: str, questions: int, machine: Machine, efficiency: float | None
) -> Stage:
    """Read each question with its image, write the answer."""
    flop = questions * answering_flop(model, *READ[name])
    stage = Stage(
        name, f"{questions:,} questions", flop, machine.hours(flop, efficiency or published.ANSWERING)
    )
    stage.memory = Memory(
        2 * parameter_counts(model)[0] + 6 * 10**9, 0
    )  # 16 questions: pictures, cache, logits
    return stage


def stages_of(args: argparse.Namespace, machine: Machine) -> list[Stage]:
    """All stages, in order."""
    profile = sizes.PROFILES[args.profile]
    model = on_meta(mgm_config(args.models, args.image_size_aux))
    whole = {"pretrain": args.pretrain_global_batch_size, "finetune": args.finetune_global_batch_size}
    batch = {name: getattr(args, f"{name}_batch_size") for name in whole}
    batch = {name: 0 if value == "auto" else int(value) for name, value in batch.items()}
    budget = min(args.pretrain_budget or profile.seed, sizes.MOST_PRETRAINED)
    mean = {
        "pretrain": published.PRETRAIN.sample._replace(length=args.pretrain_positions),
        "finetune": published.FINETUNE.sample._replace(length=args.finetune_positions),
    }
    samples = {"pretrain": budget, "finetune": profile.finetune}
    recipe = args.recipe.read_text(encoding="utf-8") if args.recipe else ""
    stages = [download_stage(profile, args.bandwidth)]
    stages.append(synth_stage(recipe, profile.seed, machine, args.efficiency, os.cpu_count() or 1))
    for name in whole:
        training = Training(name, whole[name], batch[name])
        stages.append(
            training_stage(model, training, samples[name], mean[name], machine, args.efficiency, args.workers)
        )
    for name in ("textvqa", "mmbench"):
        stages.append(answering_stage(model, name, getattr(profile, name), machine, args.efficiency))
    return stages
