"""The model without weights: true shapes on PyTorch's meta device, where nothing is stored or computed."""

from pathlib import Path

import torch
from transformers import initialization

from mgm.checkpoint import read_config, resolve_towers
from mgm.config import MGMConfig
from mgm.model import MGMGemmaForCausalLM

OFFICIAL = Path(__file__).parent / "official"  # the official folders' shapes: what their config.json says
LLM = "gemma-2b-it"
VISION_TOWER = "clip-vit-large-patch14-336"
VISION_TOWER_AUX = "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup"


def model_folder(name: str, models: str | Path | None = None) -> Path:
    """The folder of model ``name``: under ``models`` where it was fetched, else the official shape of it."""
    fetched = Path(models or OFFICIAL, name)
    here = (fetched / "config.json", fetched / "open_clip_config.json")
    return fetched if any(file.is_file() for file in here) else OFFICIAL / name


def mgm_config(models: str | Path | None = None, image_size_aux: int = 768) -> MGMConfig:
    """Configuration of MGM-2B, from the folders under ``models`` or from the official shapes."""
    llm = model_folder(LLM, models)
    towers = {
        "mm_vision_tower": str(model_folder(VISION_TOWER, models).absolute()),
        "mm_vision_tower_aux": str(model_folder(VISION_TOWER_AUX, models).absolute()),
    }
    config = read_config(llm, image_size_aux=image_size_aux, **towers)
    resolve_towers(config, llm)
    return config


def on_meta(
    config: MGMConfig,
    dtype: torch.dtype = torch.bfloat16,
    kind: type[MGMGemmaForCausalLM] = MGMGemmaForCausalLM,
) -> MGMGemmaForCausalLM:
    """The model of ``config`` on the meta device, in training mode; ``kind`` may be its plain form."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"), initialization.no_init_weights():
            model = kind(config)
    finally:
        torch.set_default_dtype(before)
    model.tie_weights()
    return model.train()
