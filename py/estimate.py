"""What an experiment needs, before anything is fetched: operations, hours, memory, disk, price.

Operations are PyTorch's own count of the model's true shapes; hours follow from the GPU's peak and the share
of it that the published runs reached (--efficiency for another). Weights, data and GPU need not be here.

    python py/estimate.py --profile 10k --gpu A10 --gpus 1
"""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

import cli
from costs import gpus, published, sizes
from costs.batch import Machine, Training, offloads
from costs.estimate import Stage, answering_stage, download_stage, synth_stage, training_stage
from costs.shapes import mgm_config, on_meta
from costs.table import table_of, total
from costs.units import size
from errors import BadInput
from json_files import write_json

WIDTH = 110


def parse() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("--profile", default="10k", help="official scale: 10k or full (default: 10k)")
    add("--gpu", help="A10, A100, … or NAME:TERAFLOPS:GIB (default: this machine's)")
    add("--gpus", type=int, help="how many (default: this machine's, else 1)")
    add("--recipe", type=Path, help="recipe whose models are counted (default: none)")
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


def check(args: argparse.Namespace) -> None:
    """Raise `BadInput` for a profile without a cost worth reckoning, and for numbers that no machine has."""
    if args.profile not in sizes.PROFILES:
        raise BadInput(
            f"--profile {args.profile}: for {' or '.join(sizes.PROFILES)}; the demo takes two minutes"
        )
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


def estimate(args: argparse.Namespace, machine: Machine) -> list[Stage]:
    """All stages, in order."""
    profile = sizes.PROFILES[args.profile]
    model = on_meta(mgm_config(args.models, args.image_size_aux))
    whole = {"pretrain": args.pretrain_global_batch_size, "finetune": args.finetune_global_batch_size}
    batch = {name: getattr(args, f"{name}_batch_size") for name in whole}
    batch = {name: 0 if value == "auto" else int(value) for name, value in batch.items()}
    budget = min(args.pretrain_budget or profile.seed, sizes.MOST_PRETRAINED)
    mean = {
        "pretrain": published.PRETRAIN.sample._replace(length=args.pretrain_positions),
        "finetune": published.FINETUNE.sample._replace(length=args.finetune_positions),
    }
    samples = {"pretrain": budget, "finetune": profile.finetune}
    recipe = args.recipe.read_text(encoding="utf-8") if args.recipe else ""
    stages = [download_stage(profile, args.bandwidth)]
    stages.append(synth_stage(recipe, profile.seed, machine, args.efficiency, os.cpu_count() or 1))
    for name in whole:
        training = Training(name, whole[name], batch[name])
        stages.append(
            training_stage(model, training, samples[name], mean[name], machine, args.efficiency, args.workers)
        )
    for name in ("textvqa", "mmbench"):
        stages.append(answering_stage(model, name, getattr(profile, name), machine, args.efficiency))
    return stages


def main() -> None:
    args = parse()
    check(args)
    machine = machine_of(args)
    stages = estimate(args, machine)
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    kind = machine.gpu
    what = (
        f"{machine.gpus} × {kind.name}, {kind.teraflops:g} TFLOP/s and {size(kind.memory)} each"
        if kind
        else "no GPU"
    )
    console.print(f"PROFILE={args.profile} on {what}", markup=False)
    console.print(table_of(stages, machine, args.rate))
    for line in remarks(args, machine):
        console.print(line, soft_wrap=True)
    for stage in stages:
        for warning in stage.warnings:
            console.print(f"warning: {warning}", soft_wrap=True, markup=False)
    if args.output:
        write_json(args.output, [asdict(stage) for stage in [*stages, total(stages)]])


def remarks(args: argparse.Namespace, machine: Machine) -> list[str]:
    """What the figures assume."""
    shares = {"pretraining": published.PRETRAIN.efficiency, "finetuning": published.FINETUNE.efficiency}
    shares |= {"answering": published.ANSWERING, "synthesis": published.SYNTHESIS}
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    if machine.gpu is None:
        how = "no time without a GPU: name one with GPU=A10 GPUS=4"
    elif not machine.gpu.teraflops:
        how = f"the peak of {machine.gpu.name} is not known: describe it with GPU=NAME:TERAFLOPS:GIB"
    elif args.efficiency:
        how = f"time at {args.efficiency:.0%} of the GPUs' peak"
    else:
        how = f"time at these shares of the GPUs' peak: {told}; the first two as published, the rest assumed"
    positions = f"{args.pretrain_positions:g} and {args.finetune_positions:g}"
    return [
        f"{how[0].upper()}{how[1:]}.",
        f"Samples of {positions} positions in the mean; memory for the longest. Data sets' sizes are rough.",
    ]


if __name__ == "__main__":
    cli.run(main)
