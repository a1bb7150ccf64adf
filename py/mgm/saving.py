"""Write what training made, in the official layouts; each file is complete or not there."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from errors import BadInput
from json_files import atomic_write, write_json
from mgm.adapter import PROJECTORS
from mgm.config import MGMConfig
from mgm.layout import OFFICIAL_FOLDER, TOKENIZER_FILES
from mgm.model import MGMGemmaForCausalLM

SHARD_BYTES = 5_000_000_000  # as the official checkpoints
# The official loader (multimodal_encoder/builder.py) knows a tower by this word in its path.
TOWER_WORDS = {"mm_vision_tower": "openai", "mm_vision_tower_aux": "openclip"}


def save_adapter(model: MGMGemmaForCausalLM, path: str | Path) -> None:
    """Write ``mm_projector.bin`` atomically: the four projectors under their official names."""
    kept = {
        name: tensor.detach().cpu().clone()
        for name, tensor in model.state_dict().items()
        if name.startswith(tuple(f"model.{part}." for part in PROJECTORS))
    }
    try:
        with atomic_write(path, "wb") as file:
            torch.save(kept, file)
    except RuntimeError as error:
        raise BadInput(f"{path}: cannot be written ({error}); free disk space") from error


def save_config(config: MGMConfig, folder: str | Path) -> None:
    """Write ``config.json`` for this and the official code."""
    values = {name: value for name, value in config.to_dict().items() if not name.endswith("_folder")}
    for field, word in TOWER_WORDS.items():
        values |= tower_names(field, word, values[field], folder)
    values["rope_theta"] = config.rope_parameters["rope_theta"]  # where transformers 4.38 looks for it
    values["torch_dtype"] = values.get("dtype")
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_json(Path(folder) / "config.json", json.loads(json.dumps(values, sort_keys=True)))


def tower_names(field: str, word: str, tower: str, folder: str | Path) -> dict[str, str]:
    """How ``folder``'s config names a tower: for the official loader, and where that is no help, for us."""
    path = portable(tower, folder)
    if Path(path).is_absolute() and word in path.lower():
        return {field: path}
    return {field: f"{OFFICIAL_FOLDER}/{Path(tower).name}", f"{field}_folder": path}


def portable(path: str | Path, folder: str | Path) -> str:
    """``path`` as ``folder``'s config names it: relative where both lie in the working folder, so that it can
    move.
    """
    here, path, folder = Path.cwd().resolve(), Path(path).resolve(), Path(folder).resolve()
    inside = here in path.parents and here in folder.parents
    return os.path.relpath(path, folder) if inside else str(path)


def save_finetuned(model: MGMGemmaForCausalLM, llm: str | Path, folder: str | Path) -> None:
    """Write the official finetuned layout: config, weights with index, and ``llm``'s tokenizer files as they
    are.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if Path(llm, name).is_file():
            shutil.copyfile(Path(llm, name), folder / name)
    state = {
        k: v
        for k, v in model.state_dict().items()
        if k != "lm_head.weight" or not model.config.tie_word_embeddings
    }
    save_config(model.config, folder)
    write_folder(folder, state)


def write_folder(folder: str | Path, state: dict[str, torch.Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write ``model*.safetensors``, one shard in memory at a time, and last the index.

    The official loader reads the index even for one file, and prefers a ``model.safetensors`` to shards: what
    lay there before goes first.
    """
    folder = Path(folder)
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    for old in folder.glob("model*.safetensors"):
        old.unlink()
    shards = cut(state, shard_bytes)
    weight_map = {}
    for i, names in enumerate(shards, start=1):
        name = "model.safetensors" if len(shards) == 1 else f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        write_shard(folder / name, {n: state[n].detach().cpu().contiguous() for n in names})
        weight_map |= dict.fromkeys(names, name)
    total = sum(tensor.nbytes for tensor in state.values())
    write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map}
    )


def cut(state: dict[str, torch.Tensor], shard_bytes: int) -> list[list[str]]:
    """The names of each shard: as many in their order as ``shard_bytes`` hold, one at least."""
    shards: list[list[str]] = [[]]
    size = 0
    for name, tensor in state.items():
        if shards[-1] and size + tensor.nbytes > shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += tensor.nbytes
    return shards


def write_shard(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write one file aside and rename it."""
    aside = path.with_name(f".{path.name}+")
    try:
        save_file(tensors, aside, metadata={"format": "pt"})
    except SafetensorError as error:
        aside.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error}); free disk space") from error
    aside.chmod(0o644)  # safetensors creates files for their owner alone
    aside.replace(path)
