"""What the flags come to: the model's configuration, the weights' type, and the record of all settings."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from mgm.config import MGMConfig, read_config, resolve_towers
from mgm.training.arguments import DataArguments, ModelArguments, TrainingArguments


def make_config(model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments) -> MGMConfig:
    """The LLM folder's configuration, then the flags; a finetuned folder keeps its own towers."""
    changes: dict[str, Any] = {
        "mm_vision_select_layer": model_args.mm_vision_select_layer,
        "mm_vision_select_feature": model_args.mm_vision_select_feature,
        "mm_projector_type": model_args.mm_projector_type,
        "image_size_aux": model_args.image_size_aux,
        "image_aspect_ratio": data_args.image_aspect_ratio,
        "tune_mm_mlp_adapter": model_args.tune_mm_mlp_adapter,
        "tokenizer_model_max_length": args.model_max_length,
    }
    towers = {"mm_vision_tower": model_args.vision_tower, "mm_vision_tower_aux": model_args.vision_tower_aux}
    for field, folder in towers.items():
        if folder:
            changes[field] = str(Path(folder).absolute())
    config = read_config(model_args.model_name_or_path, **changes)
    resolve_towers(config, model_args.model_name_or_path)
    return config


def weights_dtype(args: TrainingArguments) -> torch.dtype:
    """bf16 weights with DeepSpeed, which keeps a float32 copy of what it trains; float32 otherwise."""
    return torch.bfloat16 if args.bf16 and args.deepspeed else torch.float32


def resolved(model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments) -> dict[str, Any]:
    """All settings as they will be used, as JSON has them."""
    values = {**dataclasses.asdict(model_args), **dataclasses.asdict(data_args), **args.to_dict()}
    values["world_size"] = args.world_size
    return json.loads(json.dumps(values, default=str))
