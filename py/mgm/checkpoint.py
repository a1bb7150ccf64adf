"""Load whole models from the official layouts, with the tokenizer and image processor that belong to them.

Training starts from an LLM folder, two tower folders and perhaps an adapter (``mm_projector.bin``);
evaluation and continuation from a finetuned folder, whose config names the towers' folders for what its
weights do not hold.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from mgm.assemble import PROJECTORS, assemble, llm_state
from mgm.config import MGMConfig
from mgm.images import ImageProcessor
from mgm.model import MGMGemmaForCausalLM
from mgm.weights import read_file
from records import BadInput, read_json

TOKENIZER_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")


@dataclass
class LoadedMGM:
    """A model in evaluation mode with the tokenizer and image processor that belong to it."""

    model: MGMGemmaForCausalLM
    tokenizer: Any
    image_processor: ImageProcessor


def load_mgm(path: str | Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> LoadedMGM:
    """Load a finetuned folder; raises `BadInput` naming each missing, unexpected or misshapen parameter."""
    folder = Path(path)
    config = read_config(folder)
    if config.model_type != MGMConfig.model_type:
        raise BadInput(
            f"{folder}/config.json: model_type {config.model_type} is not mgm_gemma; give a finetuned folder"
        )
    resolve_towers(config, folder)
    model = assemble(config, llm_state(folder), None, dtype)
    tokenizer = load_tokenizer(folder, config.tokenizer_model_max_length)
    processor = load_processor(config)
    return LoadedMGM(model.to(device).eval(), tokenizer, processor)


def load_base(config: MGMConfig, llm: str | Path, adapter: str | Path | None, dtype: torch.dtype, seed: int):
    """The model before training: LLM folder, towers of ``config``, and the adapter or fresh projectors."""
    state = llm_state(llm)
    has_projectors = any(name.split(".")[1] in PROJECTORS for name in state)
    fresh = None if adapter or has_projectors else seed
    if adapter:
        state |= {name: (tensor, Path(adapter)) for name, tensor in read_file(adapter).items()}
    return assemble(config, state, fresh, dtype)


def read_config(folder: str | Path, **changes: Any) -> MGMConfig:
    """``config.json`` of a Gemma or a finetuned folder as an `MGMConfig`, with ``changes`` applied."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise BadInput(f"{path} is missing; give a model folder that holds it")
    values = read_json(path)
    kind = values.get("model_type")
    if kind not in ("gemma", MGMConfig.model_type):
        raise BadInput(
            f"{path}: model_type {kind} is not supported; give a Gemma folder (official: gemma-2b-it)"
        )
    config = MGMConfig(**{k: v for k, v in values.items() if k != "model_type"} | changes)
    config.architectures = ["MGMGemmaForCausalLM"]
    if kind == "gemma":
        config.model_type = MGMConfig.model_type
    return config


def resolve_towers(config: MGMConfig, holder: str | Path) -> None:
    """Make the towers' folders absolute: relative ones are looked for from ``holder``, then from here."""
    for field, flag in (("mm_vision_tower", "--vision_tower"), ("mm_vision_tower_aux", "--vision_tower_aux")):
        value = getattr(config, field)
        if not value:
            raise BadInput(f"{holder}: no {field}; give {flag}")
        places = [Path(holder, value), Path(value)]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise BadInput(
                f"{field} {value} is not a folder ({holder}); fetch it or correct {flag} or config.json"
            )
        setattr(config, field, str(found.resolve()))


def load_tokenizer(folder: str | Path, max_length: int):
    """The tokenizer of a folder, right-padding; raises `BadInput` when a special token is missing."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), config=read_config(folder), padding_side="right", model_max_length=max_length
        )
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"{folder}: no readable tokenizer ({str(error).splitlines()[0]}); fetch the folder again"
        ) from error
    for token in TOKENIZER_TOKENS:
        if getattr(tokenizer, token) is None:
            raise BadInput(f"{folder}: the tokenizer has no {token}; fetch the folder again")
    return tokenizer


def load_processor(config: MGMConfig) -> ImageProcessor:
    """The image processor for ``config``; the two towers must agree on mean and standard deviation."""
    processor = ImageProcessor.from_folder(
        config.mm_vision_tower, config.image_size_aux, config.image_aspect_ratio
    )
    path = Path(config.mm_vision_tower_aux) / "open_clip_config.json"
    aux = read_json(path).get("preprocess_cfg", {})
    if any(tuple(aux.get(k, v)) != tuple(v) for k, v in (("mean", processor.mean), ("std", processor.std))):
        raise BadInput(
            f"{path}: mean or std differ from {config.mm_vision_tower}; the towers must read one image alike"
        )
    return processor
