"""The order of samples: a function of seed and epoch alone, the same for any number of processes.

Grouping follows the official ``group_by_modality_length`` (``llava_trainer.py``): global batches of one
modality and of similar length, in random order, what is left over of both modalities last.
"""

import torch
from torch.utils.data import Sampler

from mgm.data import GHOST


def shuffled(count: int, generator: torch.Generator) -> list[int]:
    """A random permutation of range(count)."""
    return torch.randperm(count, generator=generator).tolist()


def by_modality_and_length(lengths: list[int], global_batch: int, generator: torch.Generator) -> list[int]:
    """Order indices in global batches; ``lengths`` are positive with an image, negative without."""
    full: list[list[int]] = []
    rest: list[int] = []
    for wanted in (True, False):
        chosen = [i for i, length in enumerate(lengths) if (length > 0) is wanted]
        chosen = [chosen[k] for k in shuffled(len(chosen), generator)]
        for start in range(0, len(chosen), global_batch):
            batch = sorted(chosen[start : start + global_batch], key=lambda i: -abs(lengths[i]))
            if len(batch) == global_batch:
                full.append(batch)
            else:
                rest += batch
    return [i for k in shuffled(len(full), generator) for i in full[k]] + rest


class GlobalOrder(Sampler[int]):
    """Indices of one epoch.

    With several processes the end is filled to even batches by ghosts: samples without labels, which weigh
    nothing in a mean over labelled tokens (the official run takes some samples twice).
    """

    def __init__(
        self,
        count: int,
        seed: int,
        multiple: int = 1,
        lengths: list[int] | None = None,
        global_batch: int = 1,
    ) -> None:
        self.count, self.seed, self.multiple = count, seed, multiple
        self.lengths, self.global_batch = lengths, global_batch
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.count // self.multiple) * self.multiple

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        if self.lengths is None:
            order = shuffled(self.count, generator)
        else:
            order = by_modality_and_length(self.lengths, self.global_batch, generator)
        return iter(order + [GHOST] * (len(self) - self.count))
