"""What a ``config.json`` must say before a model is built from it: a supported kind, sound sizes."""

from pathlib import Path
from typing import Any

from transformers.activations import ACT2FN

from errors import BadInput
from shapes import misfit

MODEL_TYPES = ("mgm_gemma", "mini_gemini_gemma")  # the latter before the official code was renamed
# What the official code can be told to do and this one does not: its HD models, its extra image tokens.
ONLY = {"image_grid": 1, "image_global": False, "mm_use_im_start_end": False, "mm_use_im_patch_token": False}

NUMBERS = {"rms_norm_eps?": float, "rope_theta?": (None, float), "initializer_range?": float}
NUMBERS |= {"rope_parameters?": (None, {"rope_theta?": float})}
SIZES = {"num_hidden_layers": 1000, "vocab_size": 2**24, "max_position_embeddings": 2**31 - 1}
SIZES |= dict.fromkeys(("hidden_size", "intermediate_size", "head_dim"), 2**20)
SIZES |= dict.fromkeys(("image_size", "patch_size"), 2**14)
SIZES |= dict.fromkeys(("num_attention_heads", "num_key_value_heads"), 2**16)
TOWERS = dict.fromkeys(("mm_vision_tower?", "mm_vision_tower_aux?"), (None, str))
TOWERS |= {name.replace("?", "_folder?"): (None, str) for name in TOWERS}
TOWERS |= {"mm_vision_select_layer?": int, "image_size_aux?": range(1, 2**14)}


def require_supported(path: Path, values: Any) -> None:
    """Raise `BadInput` for what is no Gemma, or one in a form that is not read."""
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind not in ("gemma", *MODEL_TYPES):
        raise BadInput(
            f"{path}: model_type {kind} is not supported; give a Gemma folder (official: gemma-2b-it)"
        )
    if values.get("quantization_config"):
        raise BadInput(f"{path}: the weights are quantised; give the same model in bfloat16")
    if fault := misfit(values, TOWERS):
        raise BadInput(f"{path}: {fault}; fetch the folder again")
    for field, only in ONLY.items():
        if values.get(field, only) != only:
            raise BadInput(f"{path}: {field} is {values[field]}, only {only} is supported; give another")


def require_sizes(path: Path, values: dict[str, Any], model: str) -> None:
    """Raise `BadInput` where no model can be of such sizes, or would take all memory before it is filled."""
    for field, most in SIZES.items():
        size = values.get(field, 1)
        if size is not None and (type(size) is not int or not 1 <= size <= most):
            fault = f"{field} is {size!r}, not a whole number from 1 to {most:,}"
            raise BadInput(f"{path}: not a configuration of {model} ({fault}); fetch it again")
    if fault := misfit(values, NUMBERS):
        raise BadInput(f"{path}: not a configuration of {model} ({fault}); fetch it again")


def require_known(path: Path, values: dict[str, Any]) -> None:
    """Raise `BadInput` for what transformers would stumble over while it builds the model."""
    pad, tokens = values.get("pad_token_id"), values.get("vocab_size") or SIZES["vocab_size"]
    if pad is not None and not (type(pad) is int and 0 <= pad < tokens):
        raise BadInput(f"{path}: pad_token_id is {pad!r}, none of its {tokens} tokens; fetch it again")
    for field in ("hidden_act", "hidden_activation"):
        if (act := values.get(field)) is not None and not (isinstance(act, str) and act in ACT2FN):
            raise BadInput(f"{path}: {field} is {str(act)[:40]!r}, unknown to transformers; give another")
    if (rope := (values.get("rope_parameters") or {}).get("rope_type", "default")) != "default":
        raise BadInput(f"{path}: rope_type is {rope!r}, only 'default' is supported; give another")
