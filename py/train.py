"""Train MGM in either stage, with the official flags.

Pretraining (``--tune_mm_mlp_adapter True``) writes ``mm_projector.bin``, finetuning a whole checkpoint; both
write ``train_args.json`` before the first step and ``train_summary.json`` last. An interrupted run goes on
where its last complete checkpoint was. Runs under ``deepspeed``, ``torchrun`` or plain ``python``:

    python py/train.py --model_name_or_path models/demo/gemma-2b-it --tune_mm_mlp_adapter True \\
        --vision_tower models/demo/clip-vit-large-patch14-336 \\
        --vision_tower_aux models/demo/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup \\
        --image_size_aux 96 --data_path runs/demo/default/synth.llava.json --image_folder data/demo/seed \\
        --num_train_epochs 1 --learning_rate 1e-3 --output_dir pretrain
"""

import os
import sys

import cli
from mgm.training.launch import (
    end_workers_that_cannot_send,
    forbid_compiling,
    prepare_process,
    without_deepspeed,
)

LESS_MEMORY = (
    "lower PRETRAIN_BATCH_SIZE_PER_GPU, FINETUNE_BATCH_SIZE_PER_GPU or DATALOADER_NUM_WORKERS, or set "
    "GRADIENT_CHECKPOINTING=True"
)


def is_first() -> bool:
    """Whether this is the one process that talks and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def say(text: str) -> None:
    """One line for the user, from the first process alone."""
    if is_first():
        print(f"train.py: {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Prepare the process, parse the flags, then train."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
    with_deepspeed = any(arg.split("=")[0] == "--deepspeed" for arg in sys.argv[1:])
    prepare_process(with_deepspeed)
    if not with_deepspeed:
        without_deepspeed()
    end_workers_that_cannot_send()

    import torch

    import mgm.lean  # noqa: F401  before transformers' Trainer
    from mgm.training.flags import parse

    on_cpu = not torch.cuda.is_available()
    if with_deepspeed and on_cpu:
        forbid_compiling()
    tf32 = not on_cpu and torch.cuda.get_device_capability()[0] >= 8
    model_args, data_args, args, notes = parse(sys.argv[1:], on_cpu, tf32)

    from mgm.training.run import run

    for note in notes:
        say(note)
    run(model_args, data_args, args, is_first(), say)


if __name__ == "__main__":
    cli.run(main, LESS_MEMORY)
