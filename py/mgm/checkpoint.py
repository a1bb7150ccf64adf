"""Load whole models from the official layouts, with the tokenizer and image processor that belong to them.

Training starts from an LLM folder, two tower folders and perhaps an adapter (``mm_projector.bin``);
evaluation and continuation from a finetuned folder, whose config names the towers' folders for what its
weights do not hold.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import mgm.lean  # noqa: F401  before mgm.model
from errors import BadInput
from json_files import read_json
from mgm.adapter import PROJECTORS, adapter_state, replace_parts
from mgm.assemble import assemble, llm_state
from mgm.config import TOWERS, MGMConfig, read_config, resolve_towers
from mgm.config_checks import MODEL_TYPES
from mgm.features import FeatureCache
from mgm.images import ImageProcessor
from mgm.model import MGMGemmaForCausalLM

TOKENIZER_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")
PADDING = 128  # a vocabulary is padded by fewer rows than this


@dataclass
class LoadedMGM:
    """A model in evaluation mode with the tokenizer and image processor that belong to it."""

    model: MGMGemmaForCausalLM
    tokenizer: Any
    image_processor: ImageProcessor
    features: FeatureCache | None = None  # then pictures are given as `PictureFile`s


def load_mgm(
    path: str | Path,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    vision_tower: str | Path | None = None,
    vision_tower_aux: str | Path | None = None,
) -> LoadedMGM:
    """Load a finetuned folder; raises `BadInput` naming each missing, unexpected or misshapen parameter.

    The towers' folders are those that config.json names unless given here.
    """
    folder = Path(path)
    given = zip(TOWERS, (vision_tower, vision_tower_aux), strict=True)
    config = read_config(folder, **{field: str(Path(tower).absolute()) for field, tower in given if tower})
    if read_json(folder / "config.json")["model_type"] not in MODEL_TYPES:
        raise BadInput(f"{folder}/config.json: model_type is gemma, not mgm_gemma; give a finetuned folder")
    resolve_towers(config, folder)
    model = assemble(config, llm_state(folder), None, dtype)
    tokenizer = load_tokenizer(folder, config.tokenizer_model_max_length)
    processor = load_processor(config)
    return LoadedMGM(model.to(device).eval(), tokenizer, processor)


def load_base(
    config: MGMConfig, llm: str | Path, adapter: str | Path | None, dtype: torch.dtype, seed: int
) -> MGMGemmaForCausalLM:
    """The model before training: LLM folder, towers of ``config``, and the adapter or fresh projectors."""
    state, faults = llm_state(llm), []
    if adapter:
        held, faults = adapter_state(adapter)
        replace_parts(state, held)
    has_projectors = any(name.startswith(tuple(f"model.{part}." for part in PROJECTORS)) for name in state)
    return assemble(config, state, None if adapter or has_projectors else seed, dtype, faults)


def load_tokenizer(folder: str | Path, max_length: int) -> PreTrainedTokenizerFast:
    """The tokenizer of a folder, right-padding; raises `BadInput` unless it belongs to the folder's model."""
    config = read_config(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder),
            config=config,
            padding_side="right",
            model_max_length=max_length,
            trust_remote_code=False,
        )
    except Exception as error:  # a damaged file makes the tokenizers' readers come to anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{folder}: no readable tokenizer ({reason}); fetch the folder again") from error
    if not tokenizer.is_fast:
        raise BadInput(f"{folder}: tokenizer.json is missing; fetch the folder again")
    tokenizer.backend_tokenizer.no_truncation()  # whatever tokenizer.json says: nothing is cut unasked
    tokenizer.backend_tokenizer.no_padding()
    require_match(folder, tokenizer, config)
    return tokenizer


def require_match(folder: str | Path, tokenizer: PreTrainedTokenizerFast, config: MGMConfig) -> None:
    """Raise `BadInput` unless the tokenizer's size and special tokens are those of ``config``."""
    if not 0 <= config.vocab_size - len(tokenizer) < PADDING:
        raise BadInput(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens and config.json says vocab_size "
            f"{config.vocab_size}: it belongs to another model; fetch the folder again"
        )
    for token in TOKENIZER_TOKENS:
        own, named = getattr(tokenizer, token), getattr(config, token)
        if own is None:
            raise BadInput(f"{folder}: the tokenizer has no {token}; fetch the folder again")
        if named is not None and own not in (named if isinstance(named, list) else [named]):
            raise BadInput(
                f"{folder}: {token} is {own} in the tokenizer and {named} in config.json: it belongs to "
                "another model; fetch the folder again"
            )


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
