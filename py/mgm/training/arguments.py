"""What ``train.py`` can be told: the official flags, under their official names, with their defaults."""

from dataclasses import dataclass, field
from typing import Any

import transformers

from errors import BadInput


def _flag(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass
class ModelArguments:
    """What is trained from what."""

    model_name_or_path: str = field(
        metadata={"help": "LLM folder (official: gemma-2b-it), or a finetuned folder"}
    )
    vision_tower: str | None = _flag(None, "CLIP folder (official: clip-vit-large-patch14-336)")
    vision_tower_aux: str | None = _flag(
        None, "OpenCLIP folder with open_clip_config.json (official: openclip-convnext-…)"
    )
    version: str = _flag("gemma", "conversation template; only gemma is supported")
    mm_projector_type: str = _flag("mlp2x_gelu", "linear or mlpNx_gelu")
    mm_vision_select_layer: int = _flag(-2, "hidden layer of CLIP that is used")
    mm_vision_select_feature: str = _flag("patch", "must be patch, as in the official run")
    mm_use_im_start_end: bool = _flag(False, "only False is supported")
    mm_use_im_patch_token: bool = _flag(False, "only False is supported")
    tune_mm_mlp_adapter: bool = _flag(False, "True: pretraining, the projectors alone are trained")
    pretrain_mm_mlp_adapter: str | None = _flag(None, "mm_projector.bin of the pretraining, to start from")
    image_size_aux: int = _flag(768, "side of the high-resolution image, pixels")

    @property
    def stage(self) -> str:
        """``pretrain`` or ``finetune``."""
        return "pretrain" if self.tune_mm_mlp_adapter else "finetune"


@dataclass
class DataArguments:
    """What it is trained on."""

    data_path: str = field(metadata={"help": "LLaVA-format JSON file"})
    image_folder: str | None = _flag(None, "folder that image paths start from (default: the data file's)")
    image_aspect_ratio: str = _flag("square", "square (centre crop, pretraining) or pad (finetuning)")
    lazy_preprocess: bool = _flag(
        True, "accepted; samples are always checked before training, decoded during it"
    )
    feature_cache: str | None = _flag(
        None, "folder where the frozen towers' outputs are kept for all runs, on the CPU; default: none"
    )
    feature_cache_gb: float = _flag(2.0, "most gigabytes in it")

    def __post_init__(self) -> None:
        if not self.feature_cache_gb >= 0:  # nor NaN
            raise BadInput(f"--feature_cache_gb {self.feature_cache_gb:g}: must be 0 or more")


@dataclass
class TrainingArguments(transformers.TrainingArguments):
    """transformers' own flags with the official defaults, and ours."""

    seed: int = _flag(1024, "one seed for projectors, data order and everything else (official: 1024)")
    optim: str = _flag("adamw_torch", "optimizer")
    report_to: None | str | list[str] = _flag("none", "experiment trackers; off by default")  # noqa: RUF036, RUF009 as in transformers
    disable_tqdm: bool | None = _flag(True, "no progress bars; a line at every tenth instead")
    logging_nan_inf_filter: bool = _flag(False, "never hide a loss that is not finite")
    remove_unused_columns: bool = _flag(False, "the collator makes exactly what the model takes")
    model_max_length: int = _flag(2048, "longest sequence, image features included; longer ones are an error")
    cut_long_samples: bool = _flag(False, "cut them instead, as the official code does without a word")
    group_by_modality_length: bool = _flag(False, "batches of one modality and similar length (finetuning)")
    global_batch_size: int | None = _flag(
        None, "fail unless batch per device × accumulation × processes is this"
    )
