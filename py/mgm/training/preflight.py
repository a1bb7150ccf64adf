"""Before the first step: what the run computes, and whether memory and disk will do, by its true samples."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from costs.flops import training_flop
from costs.memory import SHARE, Longest, sizes
from costs.peak import peak_bytes
from costs.sample import Sample
from costs.shapes import on_meta
from costs.states import checkpoint_bytes
from costs.units import scaled, size
from mgm.activations import ALL, INPUTS, KEPT, keep
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX, MGMConfig
from mgm.data import ConversationDataset
from mgm.model import MGMGemmaForCausalLM
from mgm.training.arguments import TrainingArguments
from mgm.training.room import Room, left, room_for
from mgm.training.trainable import set_trainable

SMALLER = "PRETRAIN_ or FINETUNE_BATCH_SIZE_PER_GPU (--per_device_train_batch_size) at a lower value"


def preflight(
    config: MGMConfig, pretrain: bool, args: TrainingArguments, dataset: ConversationDataset, say: Callable
) -> tuple[str, int]:
    """Say what the run needs; returns what the layers keep for the backward (`mgm.activations`), operations.

    Raises `BadInput` where weights and optimizer alone exceed the GPU; what may not fit is a warning.
    """
    model = on_meta(config, torch.bfloat16 if args.bf16 else torch.float32)
    set_trainable(model, pretrain)
    samples = samples_of(dataset, model.model.vision_tower.grid**2)
    longest = Longest(max(s.length for s in samples), max(s.labelled for s in samples))
    room = room_for(model, args)
    kept, activations = most_kept(model, args, longest, left(room))
    if kept != INPUTS and args.activation_checkpointing:
        say(
            f"memory suffices without gradient checkpointing: layers keep {kept}, nothing is multiplied twice"
        )
    need = room.states + activations
    stage = "pretrain" if pretrain else "finetune"
    flop = training_flop(model, stage, kept).total(samples) * args.num_train_epochs
    parameters, trained = sizes(model)
    disk = checkpoint_bytes(trained, trained if pretrain else parameters)
    free = shutil.disk_usage(existing(Path(args.output_dir))).free
    say(
        f"{scaled(flop, 'FLOP')} for {len(samples):,} samples of up to {longest.length} positions; memory a "
        f"process: {size(need)} of {size(room.here)}; disk: {size(disk)} of {size(free)}"
    )
    for warning in warnings(need, room, disk, free, args):
        say(f"warning: {warning}")
    return kept, round(flop)


def samples_of(dataset: ConversationDataset, patches: int) -> list[Sample]:
    """Positions and labels of every sample; an image slot takes ``patches`` positions."""
    samples = []
    for i in range(len(dataset)):
        input_ids, labels = dataset.encode(i)
        has_image = IMAGE_TOKEN_INDEX in input_ids
        labelled = len(labels) - labels.count(IGNORE_INDEX)
        samples.append(Sample(len(input_ids) + has_image * (patches - 1), labelled, has_image))
    return samples


def most_kept(
    model: MGMGemmaForCausalLM, args: TrainingArguments, longest: Longest, free: float
) -> tuple[str, int]:
    """The most that layers may keep in ``free`` bytes, else the least, one of `KEPT`.

    With it the bytes that a step of the longest samples then holds beside the states.
    """
    for kept in KEPT if args.activation_checkpointing else (ALL,):
        keep(model, kept)
        held = peak_bytes(model, args.per_device_train_batch_size, longest.length, longest.labelled)
        if held <= free:
            break
    return kept, held


def existing(folder: Path) -> Path:
    """``folder`` or the nearest folder above it that exists."""
    return folder if folder.exists() else existing(folder.absolute().parent)


def warnings(need: int, room: Room, disk: int, free: int, args: TrainingArguments) -> list[str]:
    """What may not fit, each with the knob that helps."""
    said = []
    if need > SHARE * room.here:
        allow = "" if args.activation_checkpointing else "GRADIENT_CHECKPOINTING=True, or "
        said.append(f"{size(need)} may not fit into {size(room.here)}; set {allow}{SMALLER}")
    if room.host > room.host_free:
        said.append(
            f"{size(room.host)} of the machine's memory may be needed, {size(room.host_free)} are free; "
            "set DEEPSPEED_CONFIG=configs/zero2.json on several GPUs, or use a larger machine"
        )
    if disk > free:
        said.append(
            f"checkpoints may take {size(disk)}, {size(free)} are free at {args.output_dir}; make room"
        )
    return said
