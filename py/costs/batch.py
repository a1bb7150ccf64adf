"""Batches that multiply out to the global batch: what is settled without a look at the model."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from costs.gpus import GPU
from errors import BadInput
from json_files import read_json

OFFICIAL_BATCH = {"pretrain": 4, "finetune": 1}  # a GPU
MOST_SAMPLES = 16  # on one GPU at once; more make no matrix product faster at these widths


@dataclass(frozen=True)
class Training:
    """``pretrain`` or ``finetune``; samples of a step over all GPUs, and on one at once (0: what fits)."""

    name: str
    global_batch_size: int
    batch: int = 0


@dataclass(frozen=True)
class Machine:
    """GPUs of one kind (None: unknown), how they are used, and whether activations may be computed twice."""

    gpu: GPU | None
    gpus: int
    offload: bool
    checkpointing: bool

    def hours(self, flop: float, efficiency: float) -> float | None:
        """Hours of ``flop`` at a share of all GPUs' peak; None where that is not known."""
        if self.gpu is None or not self.gpu.teraflops:
            return None
        return flop / (self.gpus * self.gpu.teraflops * 1e12 * efficiency) / 3600


def official_batch(training: Training, candidates: list[int]) -> int:
    """The batch given by hand, else the official one or the next smaller that multiplies out."""
    return training.batch or next(n for n in candidates if n <= OFFICIAL_BATCH[training.name])


def offloads(deepspeed: Path | None) -> bool:
    """Whether the DeepSpeed file at ``deepspeed`` keeps the optimizer in the host's memory."""
    return bool(deepspeed) and "offload_optimizer" in read_json(deepspeed).get("zero_optimization", {})


def candidates_of(training: Training, machine: Machine) -> list[int]:
    """Batches that multiply out, the largest first; the one given by hand alone, if any."""
    whole, by_hand = training.global_batch_size, training.batch
    candidates = [by_hand] if by_hand else list(batches(whole, machine.gpus))
    if not candidates or whole % (machine.gpus * candidates[0]):
        knob = training.name.upper()
        each = f"{by_hand} a GPU × " if by_hand else ""
        raise BadInput(
            f"{knob}_GLOBAL_BATCH_SIZE {whole} is no multiple of {each}{machine.gpus} GPUs; choose NUM_GPUS "
            f"or {knob}_BATCH_SIZE_PER_GPU so that they multiply out"
        )
    return candidates


def batches(global_batch_size: int, gpus: int) -> Iterator[int]:
    """Batches per GPU that multiply out with some accumulation, the largest first.

    >>> list(batches(128, 8))
    [16, 8, 4, 2, 1]
    """
    each, rest = divmod(global_batch_size, gpus)
    yield from (n for n in range(min(each, MOST_SAMPLES), 0, -1) if not rest and not each % n)
