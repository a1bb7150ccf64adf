"""The synthesised data: valid records within the budget, images inside the submission or of the seed."""

import re
from typing import NamedTuple

from records import caption_fault
from submission import rules
from submission.answers import json_lines
from submission.faults import Faults
from submission.tree import Tree

SEED_IMAGE = re.compile(r"images/.+")


class Seed(NamedTuple):
    """The ids of a seed set, and its images as it names them."""

    ids: frozenset[str]
    images: frozenset[str]


def record_fault(record: dict, tree: Tree, seed: Seed | None) -> str | None:
    """What is wrong with one line, and the remedy."""
    identity = record.get("id")
    if fault := caption_fault(record, strict=True):
        return f"id {identity}: {fault}" if isinstance(identity, str) and identity else fault
    if seed and identity not in seed.ids:
        return f"id {identity} is not of the seed; remove the record"
    return image_fault(identity, record["images"][0], tree, seed)


def image_fault(identity: str, image: str, tree: Tree, seed: Seed | None) -> str | None:
    """Whether the image is the seed's, by a path as the seed has it, or in the submission."""
    if "\\" in image or ".." in image.split("/") or re.match(r"[A-Za-z]+:", image):
        return f"id {identity}: image {image} is not inside; write images/… as in the seed, or add it"
    if image in seed.images if seed else SEED_IMAGE.fullmatch(image):
        return None
    if f"{rules.DATA.rpartition('/')[0]}/{image}" not in tree.files:
        place = f"{rules.SYNTHETIC_IMAGES}/"
        return f"id {identity}: image {image} is missing and not of the seed; add it below {place}"
    return None


def check_data(tree: Tree, budget: int, seed: Seed | None, faults: Faults) -> int:
    """Every line of processed_data.jsonl; how many there are."""
    if rules.DATA not in tree.files:
        return 0
    count = 0
    for place, record in json_lines(tree, rules.DATA, faults):
        count += 1
        fault = record_fault(record, tree, seed)
        if fault:
            faults.add(place, fault, group=rules.DATA)
    if count > budget:
        faults.add(rules.DATA, f"{count:,} records, more than the budget of {budget:,}; select fewer")
    return count
