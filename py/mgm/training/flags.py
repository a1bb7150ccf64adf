"""Flags of ``train.py``: the official ones, under their official names, and what became of them since."""

import json
import math

import transformers

from errors import BadInput
from mgm.training.arguments import DataArguments, ModelArguments, TrainingArguments
from mgm.training.launch import deepspeed_config

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
