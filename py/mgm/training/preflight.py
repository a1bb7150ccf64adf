"""Before the first step: what the run computes, and whether memory and disk will do, by its true samples."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from costs.flops import training_flop
from costs.memory import SHARE, Longest, model_states, sizes
from costs.sample import Sample
from costs.shapes import on_meta
from costs.states import HOST_FACTOR, Memory, checkpoint_bytes
from costs.step import peak_bytes
from costs.units import scaled, size
from errors import BadInput
from mgm.activations import ALL, INPUTS, KEPT, keep
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX, MGMConfig
from mgm.data import ConversationDataset
from mgm.model import MGMGemmaForCausalLM
from mgm.training.arguments import TrainingArguments
from mgm.training.trainable import set_trainable

SMALLER = "PRETRAIN_ or FINETUNE_BATCH_SIZE_PER_GPU (--per_device_train_batch_size) at a lower value"


@dataclass(frozen=True)
class Room:
    """Bytes. Of one process: what it has on its GPU (else in memory), and what its states will take of that.

    Of all processes: what their states take of the machine's memory beside a GPU's, and what is free there.
    """

    here: int
    states: int
    host: int
    host_free: int


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
    allowed = KEPT if args.activation_checkpointing else (ALL,)
    for kept in allowed:
        activations = activation_bytes(model, args, longest, kept)
        if activations <= left(room):
            break
    if kept != INPUTS and args.activation_checkpointing:
        say(
            f"memory suffices without gradient checkpointing: layers keep {kept}, nothing is multiplied twice"
        )
    need = room.states + activations
    stage = "pretrain" if pretrain else "finetune"
    flop = training_flop(model, stage, kept).total(samples) * args.num_train_epochs
    parameters, trained = sizes(model)
    disk, free = (
        checkpoint_bytes(trained, trained if pretrain else parameters),
        shutil.disk_usage(existing(Path(args.output_dir))).free,
    )
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


def activation_bytes(model: MGMGemmaForCausalLM, args: TrainingArguments, longest: Longest, kept: str) -> int:
    """Bytes that a step of the longest samples holds beside the states."""
    keep(model, kept)
    return peak_bytes(model, args.per_device_train_batch_size, longest.length, longest.labelled)


def room_for(model: MGMGemmaForCausalLM, args: TrainingArguments) -> Room:
    """What there is, and what weights, gradients and optimizer take; raises `BadInput` if they cannot fit."""
    parameters, trained = sizes(model)
    zero = (args.deepspeed or {}).get("zero_optimization", {})
    available = psutil.virtual_memory().available
    if (
        args.device.type != "cuda"
    ):  # the weights are there already; gradient and two moments, and DeepSpeed's copy
        width = 2 if args.bf16 and args.deepspeed else 4
        return Room(
            available // args.world_size, trained * (width + (12 if args.deepspeed else 8)), 0, available
        )
    if args.deepspeed:
        states = model_states(model, args.world_size, "offload_optimizer" in zero)
    else:  # nothing is shared: float32 weights, gradients and moments, and buckets for several processes
        buckets = 4 * trained * (args.world_size > 1)
        reading = int(4 * parameters * args.world_size * HOST_FACTOR)
        states = Memory(4 * parameters + 12 * trained + buckets, reading)
    room = torch.cuda.mem_get_info(args.device)[0]
    if states.gpu > room:
        raise BadInput(
            f"weights and optimizer take {size(states.gpu)}, the GPU has {size(room)} free; set "
            "DEEPSPEED_CONFIG=configs/zero2_offload.json, use more GPUs (NUM_GPUS), or end what else uses it"
        )
    return Room(room, states.gpu, states.host, available)


def left(room: Room) -> float:
    """Bytes that activations may take."""
    return SHARE * room.here - room.states


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
