"""Weight files: safetensors or ``.bin``, whole or sharded; read without running code, written whole."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from records import BadInput, read_json, write_json

SHARD_BYTES = 5_000_000_000  # as the official checkpoints
NAMES = (
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)


def weight_files(folder: str | Path) -> list[Path]:
    """The files that hold a folder's weights; raises `BadInput` when there are none or a shard is missing."""
    folder = Path(folder)
    for name in NAMES:
        index = folder / f"{name}.index.json"
        if index.is_file():
            files = [folder / shard for shard in sorted(set(read_json(index)["weight_map"].values()))]
        elif (folder / name).is_file():
            files = [folder / name]
        else:
            continue
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise BadInput(f"{index}: shard {missing[0]} is missing; fetch the folder again")
        return files
    raise BadInput(f"{folder}: no weights ({' or '.join(NAMES[:2])}); fetch or make the folder again")


def read_file(path: str | Path) -> dict[str, torch.Tensor]:
    """Read one weight file to CPU tensors; raises `BadInput` for a truncated or foreign file."""
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BadInput(f"{path} is missing; check the path or make it again") from error
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a readable weight file ({reason}); fetch or make it again") from error
    values = values.get("state_dict", values) if isinstance(values, dict) else values
    if not isinstance(values, dict) or not all(isinstance(v, torch.Tensor) for v in values.values()):
        raise BadInput(f"{path}: does not hold a dictionary of tensors; fetch or make it again")
    return values


def read_folder(folder: str | Path) -> Iterator[tuple[Path, str, torch.Tensor]]:
    """Yield (file, name, tensor) for every weight of a folder."""
    for file in weight_files(folder):
        for name, tensor in read_file(file).items():
            yield file, name, tensor


def write_folder(folder: str | Path, state: dict[str, torch.Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write ``model*.safetensors`` aside and rename, then the index (the official loader reads it even for
    one).
    """
    folder = Path(folder)
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in state.items():
        if shards[-1] and size + tensor.nbytes > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor.detach().cpu().contiguous()
        size += tensor.nbytes
    weight_map = {}
    for i, shard in enumerate(shards, start=1):
        name = "model.safetensors" if len(shards) == 1 else f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        aside = folder / f".{name}+"
        try:
            save_file(shard, aside, metadata={"format": "pt"})
        except SafetensorError as error:
            aside.unlink(missing_ok=True)
            raise BadInput(f"{folder / name}: cannot be written ({error}); free disk space") from error
        aside.chmod(0o644)  # safetensors creates files for their owner alone
        aside.replace(folder / name)
        weight_map |= dict.fromkeys(shard, name)
    total = sum(tensor.nbytes for tensor in state.values())
    write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map}
    )


def write_config(folder: str | Path, values: dict) -> None:
    """Write ``config.json`` with sorted keys."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_json(Path(folder) / "config.json", json.loads(json.dumps(values, sort_keys=True)))
