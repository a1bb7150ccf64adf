"""Flags of ``train.py``: the official ones, under their official names, and what became of them since."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import transformers

from errors import BadInput

RENAMED = {
    "evaluation_strategy": "eval_strategy",
    "warmup_ratio": "warmup_steps",  # a fraction is still a fraction of all steps
    "gradient_checkpointing": "activation_checkpointing",
    "no_cuda": "use_cpu",
}
GONE = {
    "overwrite_output_dir": "outputs are replaced, and only by complete ones",
    "logging_dir": "logs go to standard output",
    "save_safetensors": "weights are always safetensors",
    "group_by_length": "use --group_by_modality_length",
    "resume_from_checkpoint": "a run always goes on from its own last complete checkpoint",
    "bits": "quantised training is not supported",
    "ddp_timeout_seconds": "use --ddp_timeout",
}
GONE_DEFAULTS = {"bits": ("16",), "save_safetensors": ("True", "true")}


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


def translate(argv: list[str], tf32: bool) -> tuple[list[str], list[str]]:
    """Bring the official flags up to date: (arguments, one note per change). ``tf32``: the device has it."""
    out, notes, i = [], [], 0
    while i < len(argv):
        token, i = argv[i], i + 1
        if not token.startswith("--"):
            out.append(token)
            continue
        name, equals, value = token[2:].replace("-", "_").partition("=")
        values = [value] if equals else []
        while not equals and i < len(argv) and not argv[i].startswith("--"):
            values.append(argv[i])
            i += 1
        if name in GONE:
            if values and values[0] not in GONE_DEFAULTS.get(name, values):
                raise BadInput(f"--{name} {values[0]}: {GONE[name]}; remove the flag")
            notes.append(f"--{name} is ignored: {GONE[name]}")
            continue
        if name == "tf32" and not tf32:
            notes.append("--tf32 is ignored: the device has no TF32")
            continue
        if name in RENAMED:
            notes.append(f"--{name} is now --{RENAMED[name]}")
            name = RENAMED[name]
        out += [f"--{name}", *values]
    return out, notes


def parse(
    argv: list[str], on_cpu: bool, tf32: bool
) -> tuple[ModelArguments, DataArguments, TrainingArguments, list[str]]:
    """Parse and check the flags; the notes returned are for the user."""
    from mgm.training.launch import deepspeed_config

    argv, notes = translate(argv, tf32)
    if on_cpu and "--use_cpu" not in argv:
        argv += ["--use_cpu", "True"]
    if "--deepspeed" in argv:
        at = argv.index("--deepspeed") + 1
        config, more = deepspeed_config(argv[at] if at < len(argv) else "", on_cpu)
        argv[at : at + 1] = [json.dumps(config)]
        notes += more
    parser = transformers.HfArgumentParser(
        (ModelArguments, DataArguments, TrainingArguments),
        prog="train.py",
        description=__doc__,
        allow_abbrev=False,
    )
    try:
        model, data, training, unknown = parser.parse_args_into_dataclasses(
            argv, return_remaining_strings=True
        )
    except ValueError as error:
        raise BadInput(f"{error}; correct the flag") from error
    if unknown:
        raise BadInput(f"unknown: {' '.join(unknown)}; train.py --help lists the flags")
    notes += check(model, training)
    return model, data, training, notes


def check(model: ModelArguments, training: TrainingArguments) -> list[str]:
    """Refuse what is not supported and settings that contradict each other; returns notes."""
    notes = []
    if not model.version.startswith("gemma"):
        raise BadInput(f"--version {model.version}: only gemma is supported")
    for name in ("mm_use_im_start_end", "mm_use_im_patch_token"):
        if getattr(model, name):
            raise BadInput(f"--{name} True is not supported; the official value is False")
    if training.eval_strategy.value != "no":
        raise BadInput("--eval_strategy: there is no evaluation set in training; use no")
    if training.global_batch_size is not None:
        factors = (
            training.per_device_train_batch_size,
            training.gradient_accumulation_steps,
            training.world_size,
        )
        if math.prod(factors) != training.global_batch_size:
            raise BadInput(
                f"--global_batch_size {training.global_batch_size} is not {math.prod(factors)} = "
                f"per_device_train_batch_size {factors[0]} × gradient_accumulation_steps {factors[1]} × "
                f"{factors[2]} processes; change one of them"
            )
    if training.n_gpu > 1:
        training._n_gpu = 1
        notes.append("one process trains on one GPU; the deepspeed or torchrun launcher starts one for each")
    return notes + log_often(training)


def log_often(training: TrainingArguments) -> list[str]:
    """A broken run is seen where the loss is logged: at every 1 to 10 steps; returns notes on changes."""
    steps, strategy = training.logging_steps, training.logging_strategy.value
    training.logging_steps = 1 if steps < 1 else min(steps, 10)
    training.logging_strategy = transformers.IntervalStrategy.STEPS
    why = "so that a broken run stops early"
    notes = [] if strategy == "steps" else [f"--logging_strategy {strategy} is taken as steps, {why}"]
    if steps != training.logging_steps:
        notes.append(f"--logging_steps {steps:g} is taken as {training.logging_steps:g}, {why}")
    return notes
