"""What there is of memory, and what weights, gradients and optimizer take of it."""

from dataclasses import dataclass

import psutil
import torch

from costs.memory import SHARE, model_states, sizes
from costs.states import HOST_FACTOR, Memory
from costs.units import size
from errors import BadInput
from mgm.model import MGMGemmaForCausalLM
from mgm.training.arguments import TrainingArguments


@dataclass(frozen=True)
class Room:
    """Bytes. Of one process: what it has on its GPU (else in memory), and what its states will take of that.

    Of all processes: what their states take of the machine's memory beside a GPU's, and what is free there.
    """

    here: int
    states: int
    host: int
    host_free: int


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
