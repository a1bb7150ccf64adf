"""Before the first step: every sample is encoded and every image decoded; what fails is named, all of it at
once.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import torch.distributed as dist

from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.data import ConversationDataset
from mgm.images import open_image
from records import BadInput

SHOWN = 20


def sample_length(input_ids: list[int], patches: int) -> int:
    """Positions that a sample takes in the decoder: each image slot becomes ``patches`` features."""
    return len(input_ids) + input_ids.count(IMAGE_TOKEN_INDEX) * (patches - 1)


def fault_of(dataset: ConversationDataset, i: int, patches: int, max_length: int, decode: bool) -> str | None:
    """What is wrong with sample ``i``, in words with the remedy, or None."""
    try:
        input_ids, labels = dataset.encode(i)
        length = sample_length(input_ids, patches)
        if length > max_length:
            return (
                f"{length} tokens, image included, exceed model_max_length {max_length}; shorten the record"
            )
        if all(label == IGNORE_INDEX for label in labels):
            return "no supervised token; give the record an answer"
        path = dataset.image_path(i)
        if path is not None and decode:
            open_image(path)
    except BadInput as error:
        return str(error)
    return None


def check_dataset(dataset: ConversationDataset, patches: int, max_length: int) -> None:
    """Raise `BadInput` with the ids of all samples that cannot be trained on (the first 20 with reasons).

    Each process encodes everything (cheap, and kept) and decodes its share of the images.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    faults: list[tuple[int, str]] = []
    step = max(1, len(dataset) // 10)

    def examine(i: int) -> tuple[int, str | None]:
        return i, fault_of(dataset, i, patches, max_length, decode=i % world == rank)

    # Decoding releases the interpreter's lock.
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // world)) as pool:
        for start in range(0, len(dataset), step):
            chunk = range(start, min(start + step, len(dataset)))
            faults += [(i, fault) for i, fault in pool.map(examine, chunk) if fault]
            if rank == 0 and len(dataset) > 5000:
                print(f"checked {chunk.stop:,} of {len(dataset):,} samples", file=sys.stderr, flush=True)
    if world > 1:
        shares: list = [None] * world
        dist.all_gather_object(shares, faults)
        faults = sorted(set().union(*shares))
    if faults:
        raise BadInput(report(dataset, faults))


def report(dataset: ConversationDataset, faults: list[tuple[int, str]]) -> str:
    """One message: how many, the first 20 with their reasons, all ids."""
    lines = [f"  id {dataset.record_id(i)}: {fault}" for i, fault in faults[:SHOWN]]
    ids = ", ".join(dataset.record_id(i) for i, _ in faults)
    more = f"\n  all ids: {ids}" if len(faults) > SHOWN else ""
    return (
        f"{dataset.path}: {len(faults)} of {len(dataset)} samples cannot be trained on "
        "(none is ever replaced or skipped):\n" + "\n".join(lines) + more
    )
