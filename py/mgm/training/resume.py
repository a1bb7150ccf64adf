"""The checkpoints in a run's folder: which one it goes on from, and what becomes of the others."""

import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError

import faults
from errors import BadInput
from json_files import read_json, write_json

COMPLETE = "complete.json"  # written last into a checkpoint
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


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


def plain_of_deepspeed() -> list[type]:
    """What DeepSpeed's checkpoints hold beside tensors: classes of values, which run nothing when read."""
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    return [LossScaler, DynamicLossScaler, ZeroStageEnum, fragment_address]


@contextmanager
def writing(folder: Path, mine: bool) -> Iterator[None]:
    """Turn what a full disk comes to into a `BadInput`; half a checkpoint goes, where it is ``mine``."""
    try:
        yield
    except (torch.OutOfMemoryError, torch.distributed.DistError):
        raise
    except (OSError, RuntimeError, SafetensorError) as error:  # torch.save's errors are RuntimeErrors
        if mine:
            shutil.rmtree(folder, ignore_errors=True)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{folder}: cannot be written ({reason}); free disk space, start again") from error


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
