"""What an experiment needs, before anything is fetched: operations, hours, memory, disk, price.

Operations are PyTorch's own count of the model's true shapes; hours follow from the GPU's peak and the share
of it that the published runs reached (--efficiency for another). Weights, data and GPU need not be here.

    python py/estimate.py --profile 10k --gpu A10 --gpus 1
"""

import argparse
from dataclasses import asdict

from rich.console import Console

import cli
from costs import published
from costs.batch import Machine
from costs.options import check, machine_of, parse
from costs.units import size
from json_files import write_json

WIDTH = 110


def main() -> None:
    args = parse(cli.parser(__doc__))
    check(args)
    machine = machine_of(args)
    from costs.estimate import stages_of  # these import torch, which takes seconds
    from costs.table import table_of, total

    stages = stages_of(args, machine)
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
