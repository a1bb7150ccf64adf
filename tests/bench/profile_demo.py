"""Where the time of a demo's training goes: start, checks, input, towers, decoder, optimizer, saving.

    .venv/bin/python tests/bench/profile_demo.py [--run runs/demo/default] [--stage pretrain]

Trains a built run's stage once more, by the command in its log, in a temporary folder and under cProfile, and
adds up the seconds below each part; cProfile slows Python down, so read shares, not seconds. Before it, the
seconds of each stage of the run, from its marks.
"""

import argparse
import os
import pstats
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

import cli
from errors import BadInput
from json_files import read_json

ROOT = Path(__file__).resolve().parents[2]
# A part, and the functions (file's end, name) whose time, all below them included, is its.
PARTS = {
    "image encoding: towers": [("mgm/model.py", "tower_features")],
    "image encoding: mining, projector": [("mgm/model.py", "project")],
    "forward, all": [("mgm/model.py", "forward")],
    "backward": [("torch/autograd/__init__.py", "backward")],
    "optimizer": [("deepspeed/runtime/engine.py", "step"), ("torch/optim/adam.py", "step")],
    "input: images and tokens": [("mgm/data.py", "__getitem__")],
    "input: batches": [("mgm/collator.py", "__call__")],
    "check of every sample": [("training/check_data.py", "check_dataset")],
    "preflight": [("training/preflight.py", "preflight")],
    "model loading": [("mgm/checkpoint.py", "load_base")],
    "checkpoints": [("training/trainer.py", "_save_checkpoint")],
    "outputs": [("training/output.py", "finish")],
    "training loop, all": [("transformers/trainer.py", "train")],
    "whole process": [("py/train.py", "main")],
}


def command_of(log: Path, output_dir: Path) -> list[str]:
    """The training command that a stage's log begins with, its output to go to ``output_dir``."""
    if not log.is_file():
        raise BadInput(f"{log} is missing; build the run with 'make results'")
    starts = [
        line[2:] for line in log.read_text().splitlines() if line.startswith("+ ") and "train.py" in line
    ]
    if not starts:
        raise BadInput(f"{log}: names no command with train.py; build the run anew")
    words = shlex.split(starts[0])
    words[words.index("--output_dir") + 1] = str(output_dir)
    return words[next(i for i, word in enumerate(words) if word.endswith("train.py")) + 1 :]


def profile(flags: list[str], folder: Path) -> pstats.Stats:
    """Statistics of ``train.py`` with ``flags``, on one thread as in the demo."""
    demo = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}
    command = [sys.executable, "-m", "cProfile", "-o", str(folder / "profile"), str(ROOT / "py/train.py")]
    done = subprocess.run([*command, *flags], cwd=ROOT, env=os.environ | demo, capture_output=True, text=True)
    if done.returncode:
        raise BadInput(f"training failed:\n{done.stderr[-2000:]}")
    return pstats.Stats(str(folder / "profile"))


def seconds_of(stats: pstats.Stats, functions: list[tuple[str, str]]) -> float:
    """Seconds below ``functions``; of several that match, the one that calls the others counts."""
    found = [
        cumulative
        for (file, _, name), (_, _, _, cumulative, _) in stats.stats.items()
        if any(file.endswith(end) and name == wanted for end, wanted in functions)
    ]
    if not found:
        raise BadInput(f"the training never called {functions[0][1]} of {functions[0][0]}; correct PARTS")
    return max(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=ROOT / "runs/demo/default", help="a built run's folder")
    parser.add_argument("--stage", choices=("pretrain", "finetune"), default="pretrain", help="what to train")
    args = parser.parse_args()
    for mark in sorted((args.run / ".make").glob("*.made"), key=lambda path: read_json(path)["started"]):
        print(f"{mark.stem:12s} {read_json(mark)['seconds']:6.1f} s")
    with tempfile.TemporaryDirectory() as temporary:
        flags = command_of(args.run / f".make/{args.stage}.log", Path(temporary, "out"))
        stats = profile(flags, Path(temporary))
    print(f"\n{args.stage}, under cProfile: {stats.total_tt:.1f} s in all")
    for part, functions in PARTS.items():
        seconds = seconds_of(stats, functions)
        print(f"{part:36s} {seconds:6.1f} s {seconds / stats.total_tt:5.0%}")


if __name__ == "__main__":
    cli.run(main)
