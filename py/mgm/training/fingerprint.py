"""What decides a run's result, by content: its fingerprint, and what changed since the last start."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from mgm.config import MGMConfig
from mgm.data import ConversationDataset
from mgm.weights import weight_files

WHOLE_BYTES, SAMPLE_BYTES = 256_000_000, 4_000_000
# Settings that change how a run is watched or where it lands, not what it learns.
UNRELATED = re.compile(
    r"output_dir|run_name|project|local_rank|log_.*|logging_.*|save_.*|report_to|disable_tqdm|dataloader_(?!drop).*|"
    r"per_device_eval_.*|eval_.*|hub_.*|push_to_hub|trackio.*|resume_from.*|do_.*|debug|ddp_.*|skip_memory_metrics|"
    r"lazy_preprocess|global_batch_size|(model_name_or|data)_path|image_folder|vision_tower.*|pretrain_mm_mlp_adapter|"
    r"(gradient|activation)_checkpointing.*|use_cpu|tf32|feature_cache.*"
)


def file_identity(path: Path) -> str:
    """SHA-256 of a file; of its size and three samples where it is larger than 256 MB."""
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            while block := file.read(1 << 20):
                digest.update(block)
        else:
            digest.update(str(size).encode())
            for start in (0, size // 2, size - SAMPLE_BYTES):
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def images_identity(dataset: ConversationDataset) -> str:
    """Digest of the images' names and sizes in bytes, in record order."""
    digest = hashlib.sha256()
    for i, record in enumerate(dataset.records):
        path = dataset.image_path(i)
        if path is not None:
            digest.update(f"{record['image']} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def run_identity(
    settings: dict[str, Any],
    config: MGMConfig,
    llm: str,
    adapter: str | None,
    dataset: ConversationDataset,
) -> dict[str, Any]:
    """Everything that decides a run's result, by content; ``fingerprint`` sums it up."""
    folders = {
        "llm": llm,
        "vision_tower": config.mm_vision_tower,
        "vision_tower_aux": config.mm_vision_tower_aux,
    }
    inputs = {
        name: [
            file_identity(file)
            for file in [*weight_files(folder), *sorted(Path(folder).glob("*config.json"))]
        ]
        for name, folder in folders.items()
    }
    inputs["adapter"] = file_identity(Path(adapter)) if adapter else None
    inputs["data"] = file_identity(dataset.path)
    inputs["images"] = images_identity(dataset)
    kept = {key: value for key, value in settings.items() if not UNRELATED.fullmatch(key)}
    text = json.dumps([kept, inputs], sort_keys=True, default=str)
    return {"fingerprint": hashlib.sha256(text.encode()).hexdigest(), "inputs": inputs}


def changes(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two ``train_args.json`` of that which decides a run's result, in words."""
    old, new = ({k: v for k, v in x["settings"].items() if not UNRELATED.fullmatch(k)} for x in (before, now))
    said = []
    for name in sorted(name for name in {*old, *new} if old.get(name) != new.get(name)):
        values = old.get(name), new.get(name)
        said.append(name if dict in map(type, values) else f"{name} {values[0]} → {values[1]}")
    said += (name for name, digest in now["inputs"].items() if before["inputs"].get(name) != digest)
    return ", ".join(said)
