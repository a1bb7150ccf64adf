"""What lies on disk at the official scales, in bytes: downloads, data, what a run makes.

Models: parameters × bytes of the published format. Seed images: 47 kB each, the mean of 1,000 of them. The
other sets' sizes are estimates, good to a factor of two: nobody publishes them.
"""

from dataclasses import dataclass

GB = 10**9
MOST_PRETRAINED = 200_000  # samples, the official budget
SEED_IMAGE = 47_000
FINETUNE_IMAGE = 130_000  # COCO, GQA, OCR-VQA, TextVQA and Visual Genome mixed


@dataclass(frozen=True)
class Profile:
    """An official profile: records of each set."""

    seed: int
    finetune: int
    textvqa: int = 5_000
    mmbench: int = 4_377


PROFILES = {"10k": Profile(10_000, 12_000), "full": Profile(400_000, 240_000)}
MODELS = {
    "gemma-2b-it": 5.0 * GB,
    "clip-vit-large-patch14-336": 1.7 * GB,
    "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup": 1.4 * GB,
    "blip2-opt-2.7b": 15.0 * GB,
    "clip-vit-base-patch32": 0.6 * GB,
    "blip-itm-base-coco": 0.9 * GB,
}


def set_sizes(profile: Profile) -> dict[str, float]:
    """Bytes of each data set, images and records."""
    return {
        "seed": profile.seed * (SEED_IMAGE + 600),
        "finetune": profile.finetune * (FINETUNE_IMAGE + 1_500),
        "eval": 2.0 * GB,
    }


def download_bytes(profile: Profile) -> float:
    """What is fetched: data sets and models."""
    return sum(set_sizes(profile).values()) + sum(MODELS.values())


def disk_bytes(profile: Profile) -> float:
    """What is on disk at most while fetching: everything, and the largest archive a second time."""
    return download_bytes(profile) + max(*set_sizes(profile).values(), *MODELS.values())
