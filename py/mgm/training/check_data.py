"""Before the first step: every sample is encoded and every image decoded; what fails is named, all of it at
once.
"""

import os
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch.distributed as dist
from transformers import PreTrainedTokenizerFast

from errors import BadInput
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.data import ConversationDataset
from mgm.images import open_image

SHOWN, LISTED = 20, 1000
TOO_LONG = (
    "exceed model_max_length {}; shorten the record, or cut its end off as official: --cut_long_samples True "
    "(make: CUT_LONG_SAMPLES=True)"
)


def sample_length(input_ids: array, patches: int) -> int:
    """Positions that a sample takes in the decoder: each image slot becomes ``patches`` features."""
    return len(input_ids) + input_ids.count(IMAGE_TOKEN_INDEX) * (patches - 1)


@cache
def longest_token(tokenizer: PreTrainedTokenizerFast) -> int:
    """Letters of the longest token that there is."""
    return max(map(len, tokenizer.get_vocab()))


def fault_of(dataset: ConversationDataset, i: int, patches: int, max_length: int, decode: bool) -> str | None:
    """What is wrong with sample ``i``, in words with the remedy, or None."""
    try:
        letters = dataset.letters(i)
        if not dataset.cut_to and letters > max_length * longest_token(dataset.tokenizer):
            # Of 50 million letters the tokens would take 10 GB, to be counted only.
            return f"{letters:,} letters {TOO_LONG.format(max_length)}"
        input_ids, labels = dataset.encode(i)
        length = sample_length(input_ids, patches)
        if length > max_length:
            return f"{length} tokens, image included, {TOO_LONG.format(max_length)}"
        if all(label == IGNORE_INDEX for label in labels):
            if i in dataset.cut:
                return f"nothing of the answer is left within {max_length} tokens; shorten the question"
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
                done = f"train.py: checked {chunk.stop:,} of {len(dataset):,} samples"
                print(done, file=sys.stderr, flush=True)
    if world > 1:
        shares: list = [None] * world
        dist.all_gather_object(shares, faults)
        faults = sorted(set().union(*shares))
    if faults:
        raise BadInput(report(dataset, faults) if rank == 0 else f"{dataset.path}: see the first process")
    if dataset.cut and rank == 0:
        ids = ids_of(dataset, sorted(dataset.cut))
        print(f"train.py: {len(dataset.cut)} samples are cut to {max_length} tokens: {ids}", file=sys.stderr)


def report(dataset: ConversationDataset, faults: list[tuple[int, str]]) -> str:
    """One message: how many, the first 20 with their reasons, the ids."""
    lines = [f"  id {dataset.record_id(i)}: {fault}" for i, fault in faults[:SHOWN]]
    more = f"\n  ids: {ids_of(dataset, [i for i, _ in faults])}" if len(faults) > SHOWN else ""
    return (
        f"{dataset.path}: {len(faults)} of {len(dataset)} samples cannot be trained on "
        "(none is ever replaced or skipped):\n" + "\n".join(lines) + more
    )


def ids_of(dataset: ConversationDataset, places: list[int]) -> str:
    """The ids of samples, the first thousand."""
    more = f" … and {len(places) - LISTED} more" if len(places) > LISTED else ""
    return ", ".join(dataset.record_id(i) for i in places[:LISTED]) + more
