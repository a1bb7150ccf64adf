"""What an experiment needs, before anything is fetched: operations, hours, memory, disk, price.

Operations are PyTorch's own count of the model's true shapes; hours follow from the GPU's peak and the share
of it that the published runs reached (--efficiency for another). Weights, data and GPU need not be here.

    python py/estimate.py --profile 10k --gpu A10 --gpus 1
"""

import argparse
import os
from dataclasses import asdict

from rich.console import Console

import cli
from costs import published, sizes
from costs.batch import Machine, Training
from costs.estimate import Stage, answering_stage, download_stage, synth_stage, training_stage
from costs.options import check, machine_of, parse
from costs.shapes import mgm_config, on_meta
from costs.table import table_of, total
from costs.units import size
from json_files import write_json

WIDTH = 110


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
    args = parse(cli.parser(__doc__))
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
