"""The options of an estimate: an experiment's knobs, the machine's, and what is assumed; sound or refused."""

import argparse
from pathlib import Path

from costs import gpus, published, sizes
from costs.batch import Machine, offloads
from errors import BadInput


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What ``parser``, which describes the script, reads from the command line."""
    add = parser.add_argument
    add("--profile", default="10k", help="official scale: 10k or full (default: 10k)")
    add("--gpu", help="A10, A100, … or NAME:TERAFLOPS:GIB (default: this machine's)")
    add("--gpus", type=int, help="how many (default: this machine's, else 1)")
    add("--recipe", type=Path, help="recipe whose models are counted (default: none)")
    add_trainings(parser)
    add("--efficiency", type=float, help="share of the peak in every stage (default: the published runs')")
    add("--rate", type=float, help="price of one GPU for one hour (default: no price)")
    add("--bandwidth", type=float, default=50, help="of the download, MB/s (default: 50)")
    add("--workers", default="4", help="processes that load images, each GPU (default: auto, 4)")
    add("--output", type=Path, help="also write all figures to this JSON file (default: none)")
    args = parser.parse_args()
    if args.workers != "auto" and not args.workers.isdecimal():
        parser.error(f"--workers {args.workers}: a whole number, or auto")
    args.workers = 4 if args.workers == "auto" else int(args.workers)
    return args


def add_trainings(parser: argparse.ArgumentParser) -> None:
    """The options of the two trainings: batches, memory, the model's shapes, samples."""
    add = parser.add_argument
    add("--pretrain_budget", type=int, help="samples of the pretraining (default: the profile's)")
    add("--pretrain_global_batch_size", type=int, default=256, help="official: 256")
    add("--finetune_global_batch_size", type=int, default=128, help="official: 128")
    add("--pretrain_batch_size", default="auto", help="samples a GPU at once (default: auto, what fits)")
    add("--finetune_batch_size", default="auto", help="the same for finetuning (default: auto)")
    add(
        "--deepspeed",
        type=Path,
        help="DeepSpeed file; one that offloads needs less of the GPU, more of the host (default: none)",
    )
    add(
        "--gradient_checkpointing",
        default="True",
        choices=("True", "False"),
        help="allowed where memory asks (default: True)",
    )
    add("--models", type=Path, help="folder with the models' folders (default: the official shapes)")
    add("--image_size_aux", type=int, default=768, help="pixels; official: 768")
    length = "mean of a sample (default: the official sets')"
    add("--pretrain_positions", type=float, default=published.PRETRAIN.sample.length, help=length)
    add("--finetune_positions", type=float, default=published.FINETUNE.sample.length, help=length)


def check(args: argparse.Namespace) -> None:
    """Raise `BadInput` for a profile without a cost worth reckoning, and for numbers that no machine has."""
    if args.profile not in sizes.PROFILES:
        raise BadInput(
            f"--profile {args.profile}: for {' or '.join(sizes.PROFILES)}; the demo takes two minutes"
        )
    if args.recipe and not args.recipe.is_file():
        raise BadInput(f"--recipe {args.recipe}: no such file")
    limits = {
        "gpus": 1,
        "pretrain_budget": 1,
        "workers": 1,
        "rate": 0,
        "bandwidth": 0.001,
        "image_size_aux": 1,
    }
    for name, least in limits.items():
        value = getattr(args, name)
        if value is not None and value < least:
            raise BadInput(f"--{name} {value}: must be at least {least}")
    if args.efficiency is not None and not 0 < args.efficiency <= 1:
        raise BadInput(f"--efficiency {args.efficiency}: a share of the peak, above 0 and at most 1")
    for name in ("pretrain_batch_size", "finetune_batch_size"):
        value = getattr(args, name)
        if value != "auto" and not (value.isdigit() and int(value)):
            raise BadInput(f"--{name} {value}: a whole number above 0, or auto")


def machine_of(args: argparse.Namespace) -> Machine:
    """The GPUs asked for, else this machine's."""
    found = gpus.here()
    kind = gpus.gpu(args.gpu) if args.gpu else found[0] if found else None
    count = args.gpus or (len(found) if found and not args.gpu else 1)
    return Machine(kind, count, offloads(args.deepspeed), args.gradient_checkpointing == "True")
