"""Print how many samples each GPU takes at once: the most that fit, and multiply out to the global batch.

Without a GPU it is the official number, or less where that does not multiply out.

    python py/plan_batch.py --stage pretrain --global_batch_size 8 --gpus 1 \\
        --model_name_or_path models/demo/gemma-2b-it --image_size_aux 96 \\
        --vision_tower models/demo/clip-vit-large-patch14-336 \\
        --vision_tower_aux models/demo/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup
"""

import argparse
import sys
from pathlib import Path

import cli
from costs import gpus
from costs.batch import Machine, Training, candidates_of, official_batch, offloads
from errors import BadInput


def main() -> None:
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("--stage", required=True, choices=("pretrain", "finetune"), help="what is trained")
    add("--global_batch_size", required=True, type=int, help="samples of a step, over all GPUs")
    add("--gpus", required=True, type=int, help="processes, over all machines")
    add("--deepspeed", type=Path, help="DeepSpeed file, which may offload (default: none)")
    add(
        "--gradient_checkpointing",
        default="True",
        choices=("True", "False"),
        help="allowed where memory asks (default: True)",
    )
    add("--model_name_or_path", required=True, help="LLM folder")
    add("--vision_tower", required=True, help="CLIP folder")
    add("--vision_tower_aux", required=True, help="OpenCLIP folder")
    add("--image_size_aux", type=int, default=768, help="pixels; official: 768")
    args = parser.parse_args()
    found = gpus.here()
    smallest = min(found, key=lambda one: one.memory) if found else None
    machine = Machine(smallest, args.gpus, offloads(args.deepspeed), args.gradient_checkpointing == "True")
    training = Training(args.stage, args.global_batch_size)
    if smallest is None:
        print(official_batch(training, candidates_of(training, machine)))
        return
    print(planned(args, training, machine))


def planned(args: argparse.Namespace, training: Training, machine: Machine) -> int:
    """The batch of the plan; raises `BadInput` if not one sample fits."""
    from costs.plan import plan, why_not  # these import torch, which takes seconds
    from costs.shapes import on_meta
    from mgm.checkpoint import read_config, resolve_towers

    towers = {"mm_vision_tower": args.vision_tower, "mm_vision_tower_aux": args.vision_tower_aux}
    config = read_config(args.model_name_or_path, image_size_aux=args.image_size_aux, **towers)
    resolve_towers(config, ".")
    model = on_meta(config)
    batch, kept = plan(model, training, machine)
    if not batch:
        raise BadInput(why_not(model, training, machine))
    how = "with" if kept == "inputs" else "without"
    print(
        f"plan_batch.py: {training.name}: {batch} samples at once on each of {machine.gpus} GPUs "
        f"({machine.gpu.name}), {how} gradient checkpointing",
        file=sys.stderr,
    )
    return batch


if __name__ == "__main__":
    cli.run(main)
