"""Write what training made, in the official layouts; each file is complete or not there."""

import os
import shutil
from pathlib import Path

import torch

from mgm.assemble import PROJECTORS
from mgm.config import MGMConfig
from mgm.model import MGMGemmaForCausalLM
from mgm.weights import write_config, write_folder
from records import BadInput, atomic_write

TOKENIZER_FILES = (  # copied, not written anew, so that older versions of transformers read them too
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
)


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
    values = config.to_dict()
    values |= {field: portable(values[field], folder) for field in ("mm_vision_tower", "mm_vision_tower_aux")}
    values["rope_theta"] = config.rope_parameters["rope_theta"]  # where transformers 4.38 looks for it
    values["torch_dtype"] = values.get("dtype")
    write_config(folder, values)


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
