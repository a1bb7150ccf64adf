"""Weight files: safetensors or ``.bin``, whole or sharded; read without running code, and only as a whole.

Files are mapped, not read: a tensor takes memory when it is used, and only as much as the cache of the disk.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file

from errors import BadInput
from json_files import read_json

NAMES = ("model.safetensors", "pytorch_model.bin")
OPEN_CLIP_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
# Tied or computed, so in a file or not: converters to safetensors drop the one and keep it in the index.
IGNORED = ("lm_head.weight", "position_ids", "inv_freq")
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


def weight_files(folder: str | Path, names: tuple[str, ...] = (*NAMES, *OPEN_CLIP_NAMES)) -> list[Path]:
    """The files that hold a folder's weights; raises `BadInput` when there are none or a shard is missing."""
    folder = Path(folder)
    for name in names:
        shards = sorted(set(index_of(folder, name).values()))
        single = folder / name
        if shards and single.is_file() and single.name not in shards:
            raise BadInput(
                f"{folder}: two sets of weights, {name} and the {len(shards)} shards of {name}.index.json; "
                "remove the one that does not belong there"
            )
        missing = [shard for shard in shards if not (folder / shard).is_file()]
        if missing:
            raise BadInput(
                f"{folder}/{name}.index.json: shard {', '.join(missing)} is missing; fetch the folder again"
            )
        if shards or single.is_file():
            return [folder / shard for shard in shards] or [single]
    raise BadInput(f"{folder}: no weights ({' or '.join(names[:2])}); {remedy_for_none(folder)}")


def remedy_for_none(folder: Path) -> str:
    """What to do about a folder without weights: some hold what looks like them."""
    if (folder / "adapter_config.json").is_file():
        return "this is a LoRA adapter: merge it into its base model, and give the merged folder"
    if next(folder.glob("*.gguf"), None):
        return "GGUF files are not read: fetch the model's safetensors"
    return "fetch or make the folder again"


def index_of(folder: Path, name: str) -> dict[str, str]:
    """The map from tensors to shards in ``name``'s index; empty when there is no index."""
    path = folder / f"{name}.index.json"
    if not path.is_file():
        return {}
    values = read_json(path)
    shards = values.get("weight_map") if isinstance(values, dict) else None
    sound = isinstance(shards, dict) and shards and all(isinstance(s, str) for s in shards.values())
    if not sound or any(Path(shard).name != shard for shard in shards.values()):
        raise BadInput(f"{path}: no weight_map from tensors to files of this folder; fetch the folder again")
    return shards


def read_file(path: str | Path) -> dict[str, torch.Tensor]:
    """Map one weight file to CPU tensors; raises `BadInput` for a truncated or foreign file."""
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give the weight file in it")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        zipped = zipfile.is_zipfile(path)  # what PyTorch writes since 1.6; older files cannot be mapped
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except FileNotFoundError as error:
        raise BadInput(f"{path} is missing; check the path or make it again") from error
    except OSError:
        raise
    except Exception as error:  # whatever a damaged file makes PyTorch's and safetensors' readers come to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path}: not a readable weight file ({reason}); fetch or make it again") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(values, dict) and isinstance(values.get(wrapper), dict):
            values = values[wrapper]
    if not isinstance(values, dict) or not all(isinstance(v, torch.Tensor) for v in values.values()):
        raise BadInput(f"{path}: does not hold a dictionary of tensors; fetch or make it again")
    return values


def read_folder(
    folder: str | Path, names: tuple[str, ...] = (*NAMES, *OPEN_CLIP_NAMES)
) -> Iterator[tuple[Path, str, torch.Tensor]]:
    """Yield (file, name, tensor) for every weight of a folder; first, shards and index must agree on all."""
    files = weight_files(folder, names)
    states = {file: read_file(file) for file in files}
    indices = (index_of(Path(folder), name) for name in names)
    if index := next((index for index in indices if files[0].name in index.values()), None):
        check_shards(states, index)
    for file, state in states.items():
        for name, tensor in state.items():
            yield file, name, tensor


def check_shards(states: dict[Path, dict[str, torch.Tensor]], index: dict[str, str]) -> None:
    """Raise `BadInput` for each tensor that is not in exactly the shard that ``index`` names."""
    faults = []
    for file, state in states.items():
        for name, shard in index.items():
            if shard == file.name and name not in state and not name.endswith(IGNORED):
                faults.append(f"missing: {name}, not in {file}, though the index says so")
        for name in state:
            if index.get(name) != file.name and not name.endswith(IGNORED):
                says = f"says {index[name]}" if name in index else "does not list it"
                faults.append(f"unexpected in {file}: {name}, the index {says}")
    if faults:
        lines = "\n  ".join(faults)
        raise BadInput(f"weights and index do not fit:\n  {lines}\nfetch or make the named file again")


def is_finite(tensor: torch.Tensor) -> bool:
    """Whether no value is NaN or infinite; without a copy, unlike ``tensor.isfinite().all()``."""
    return not tensor.numel() or all(bool(end.isfinite()) for end in tensor.aminmax())
