"""Trains the five stand-in models on the clean world and stores them, float16, with a manifest.

    python py/world/make_standins.py --output py/world/weights

Nothing else writes the shipped weights. Steps and seeds are fixed, so the same machine gives the same models.
"""

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

import cli
from errors import BadInput
from json_files import read_json, write_json
from world.folders import atomic_folder
from world.manifest import write_manifest
from world.shipped import BLIP2, CLIP, CONVNEXT, GEMMA, ITM, NAMES
from world.standin_files import save_shipped

SCRIPTS = {GEMMA: "gemma", CLIP: "clip", CONVNEXT: "convnext", BLIP2: "blip2", ITM: "itm"}


def train_one(name: str, folder: Path) -> None:
    """Train one stand-in into ``folder/name``, its facts into ``folder/name.json``."""
    script = importlib.import_module(f"world.train_{SCRIPTS[name]}")
    torch.use_deterministic_algorithms(True)
    model, facts = script.train(script.SETTINGS)
    save_shipped(name, model, folder / name)
    write_json(folder / f"{name}.json", facts)


def train_all(folder: Path, jobs: int) -> None:
    """Train each stand-in in a process of its own, one thread each, ``jobs`` at a time, the longest first."""
    waiting, running = list(NAMES), []
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    while waiting or running:
        while waiting and len(running) < jobs:
            name = waiting.pop(0)
            command = [sys.executable, __file__, "--output", str(folder), "--only", name]
            running.append((name, subprocess.Popen(command, env=environment)))
        name, process = running.pop(0)
        if process.wait():
            for _, other in running:
                other.terminate()
            raise BadInput(
                f"{name}: training failed with status {process.returncode}; see its messages above"
            )


def parse_args() -> argparse.Namespace:
    """Where to, and how many at once."""
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--output", type=Path, required=True, help="the weights folder; replaced when all is done"
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="models trained at once, one thread each (default: 2)"
    )
    parser.add_argument(
        "--only",
        choices=NAMES,
        help="train one model into an existing folder, without a manifest (default: all)",
    )
    return parser.parse_args()


def main() -> None:
    """Train, store, and describe."""
    args = parse_args()
    if args.only:
        train_one(args.only, args.output)
        return
    with atomic_folder(args.output) as folder:
        train_all(folder, args.jobs)
        facts = {}
        for name in NAMES:
            facts[name] = read_json(folder / f"{name}.json")
            (folder / f"{name}.json").unlink()
        write_manifest(folder, facts)


if __name__ == "__main__":
    cli.run(main)
