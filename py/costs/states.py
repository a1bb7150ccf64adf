"""Weights, gradients and optimizer in bytes, on GPU, host and disk; needs no model, and nothing installed."""

from dataclasses import dataclass

HOST_FACTOR = 1.5  # as DeepSpeed's own estimate: pinned buffers, and the weights while they are read
MGM_2B, MGM_2B_TRAINED = 3_019_166_144, 2_519_431_424  # parameters: all, and those that finetuning trains


@dataclass(frozen=True)
class Memory:
    """Bytes on each GPU, and of all processes of one machine together in its own memory."""

    gpu: int
    host: int


def state_bytes(parameters: int, trained: int, gpus: int, offload: bool) -> Memory:
    """Weights, gradients and optimizer under ZeRO-2 in bfloat16, ``trained`` of ``parameters`` being trained.

    As ``estimate_zero2_model_states_mem_needs`` of DeepSpeed, which takes all to be trained: 2 bytes a weight
    on each GPU; 18 a trained one (gradient in both precisions, float32 copy, two moments), shared among the
    GPUs, or with ``offload`` 16 in the machine's memory.
    """
    reading = int(2 * parameters * gpus * HOST_FACTOR)  # every process reads the weights
    if offload:
        return Memory(2 * parameters, max(int(trained * max(4 * gpus, 16) * HOST_FACTOR), reading))
    return Memory(2 * parameters + 18 * trained // gpus, reading)


def checkpoint_bytes(trained: int, saved: int) -> int:
    """Disk that training needs at most: two checkpoints (the new one is whole before the old one goes), each
    with weights, float32 copy and two moments of what is trained, and the ``saved`` finished weights.
    """
    return 2 * 14 * trained + 2 * saved


def transferred_bytes(trained: int) -> int:
    """What offloading moves over PCIe for each batch of each GPU: sums of gradients to the GPU and back.

    ``async_accumulate_grad_in_cpu_via_gpu`` in DeepSpeed's ``stage_1_and_2.py``.
    """
    return 4 * trained
