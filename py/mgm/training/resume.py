"""Whose checkpoint is it? Fingerprints of a run's inputs, and what to do with checkpoints found in its
folder.
"""

import hashlib
import json
import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

import faults
from errors import BadInput
from json_files import read_json, write_json
from mgm.config import MGMConfig
from mgm.data import ConversationDataset
from mgm.weights import weight_files

COMPLETE = "complete.json"  # written last into a checkpoint
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
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
    settings: dict[str, Any], config: MGMConfig, llm: str, adapter: str | None, dataset
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


def last_checkpoint(output_dir: str | Path, fingerprint: str) -> tuple[Path | None, list[str]]:
    """The newest complete checkpoint of this very run, and notes on those set aside as
    ``checkpoint-N.foreign``. A half-written one before it, whose removal was cut short, is removed.
    """
    found, halves, aside = {}, {}, []
    for folder in sorted(Path(output_dir).glob("checkpoint-*")):
        match = CHECKPOINT.fullmatch(folder.name)
        if match is None or not folder.is_dir():
            continue
        marker = read_json(folder / COMPLETE) if (folder / COMPLETE).is_file() else None
        if marker is None:
            halves[int(match[1])] = folder
        elif marker.get("fingerprint") != fingerprint:
            aside.append((folder, "belongs to other inputs or settings"))
        elif marker.get("files") != file_sizes(folder):
            aside.append((folder, "is damaged (files are missing or not as long as they were)"))
        else:
            found[int(match[1])] = folder
    newest = max(found, default=-1)
    for step, folder in halves.items():
        if step < newest:
            shutil.rmtree(folder)
        else:
            aside.append((folder, "is half-written"))
    return found.get(newest), set_aside(aside)


def set_aside(folders: list[tuple[Path, str]]) -> list[str]:
    """Rename checkpoints out of the way, in the place of those set aside before; returns notes to print."""
    for before in {old for folder, _ in folders for old in folder.parent.glob("checkpoint-*.foreign")}:
        shutil.rmtree(before)
    notes = []
    for folder, reason in folders:
        aside = folder.rename(folder.with_name(f"{folder.name}.foreign"))
        notes.append(f"{folder} {reason}; set aside as {aside.name} (remove it when you do not need it)")
    return notes


@contextmanager
def reading(folder: str | Path) -> Iterator[None]:
    """Turn what a damaged or foreign file in a checkpoint comes to into a `BadInput` with the remedy."""
    try:
        yield
    except (pickle.UnpicklingError, RuntimeError, SafetensorError, EOFError, KeyError, OSError) as error:
        if faults.told(error):  # no memory, too many files: the checkpoint is good
            raise
        named = re.search(r"(?i:unsupported (?:global: )?GLOBAL) (\S+)", str(error))
        reason = (
            f"it names {named[1]}, which is run" if named else (str(error).splitlines() or [repr(error)])[0]
        )
        raise BadInput(
            f"{folder}: cannot be read ({reason}); remove it, and the training starts anew"
        ) from error


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file below ``folder`` but its mark."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != COMPLETE)
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def complete(folder: Path, fingerprint: str, step: int, samples: int, seconds: float) -> None:
    """Mark a checkpoint as whole."""
    counts = {"step": step, "samples": samples, "seconds": round(seconds, 1)}
    write_json(folder / COMPLETE, {"fingerprint": fingerprint, **counts, "files": file_sizes(folder)})


def remove_checkpoints(output_dir: str | Path, keep: int = 0) -> None:
    """Delete all but the newest ``keep`` complete checkpoints."""
    folders = [f for f in Path(output_dir).glob("checkpoint-*") if CHECKPOINT.fullmatch(f.name)]
    folders.sort(key=lambda f: int(CHECKPOINT.fullmatch(f.name)[1]))
    for folder in folders[: len(folders) - keep]:
        (folder / COMPLETE).unlink(missing_ok=True)  # what is half-deleted is not complete
        shutil.rmtree(folder)
