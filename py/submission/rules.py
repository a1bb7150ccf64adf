"""What a submission must look like: the challenge's layout and, for each profile, its numbers."""

import re
from typing import NamedTuple

DATA = "output/processed_data/processed_data.jsonl"
SYNTHETIC_IMAGES = "synthetic_images"
TRAIN = "output/train.sh"
README = "solution/readme"
REQUIREMENTS = "solution/requirements.txt"
PRETRAIN = "output/training_dirs/MGM-2B-Pretrain-"
FINETUNE = "output/training_dirs/MGM-2B-Finetune-"
EVAL = "output/eval_results/MGM-2B-Finetune-"
PROJECTOR = "mm_projector.bin"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
XLSX_COLUMNS = ("index", "question", "A", "B", "C", "D", "prediction", "answer", "split")

# Larger files of these kinds are not what they say; none is read further.
LOG_BYTES, TEXT_BYTES = 100 << 20, 1 << 30
XLSX_BYTES, ADAPTER_BYTES, HEADER_BYTES = 64 << 20, 2 << 30, 100 << 20
# Kept as they are: these do not get smaller.
INCOMPRESSIBLE = (".safetensors", ".bin", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".xlsx")


class Rules(NamedTuple):
    """The numbers of one profile; ``official``: they are the challenge's, so other ones are a fault."""

    budget: int
    pretrain_batch: int
    finetune_batch: int
    finetune_samples: int | None
    official: bool = True


PROFILES = {
    "full": Rules(200_000, 256, 128, 240_000),
    "10k": Rules(10_000, 256, 128, 12_000),
    "demo": Rules(3_000, 8, 8, None, official=False),
}
NOT_SUBMITTABLE = "a demo, for practice: not a submittable result"


def steps_of(samples: int, global_batch_size: int) -> set[int]:
    """Steps that one epoch may take: the last batch is trained on, or dropped by some launchers.

    >>> sorted(steps_of(12_000, 128))
    [93, 94]
    """
    return {max(samples // global_batch_size, 1), -(-samples // global_batch_size)}
