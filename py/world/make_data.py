"""Makes the demo's data sets in the official formats: seed, finetune, eval, controls.

    python py/world/make_data.py --output data/demo

Every record comes from a random stream of its own, named by the split, the data set and the record's number:
images of different sets, and of the two splits, are unrelated. ``--split tune`` is for choosing constants,
``report`` for results. Each set is a folder that is written aside and renamed.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from world.eval_sets import make_mmbench, make_textvqa
from world.folders import atomic_folder
from world.training_sets import make_controls, make_finetune, make_seed

PARTS = ("seed", "finetune", "eval", "controls")


def make_part(part: str, folder: Path, stream: str, args: argparse.Namespace) -> None:
    """Fill ``folder`` with one of the data sets."""
    if part == "seed":
        make_seed(folder, f"{stream}/seed", args.seed_records)
    elif part == "controls":
        make_controls(folder, f"{stream}/seed", args.seed_records)
    elif part == "finetune":
        make_finetune(folder, f"{stream}/finetune", args.finetune_records)
    else:
        make_textvqa(folder / "textvqa", f"{stream}/textvqa", args.textvqa_questions)
        make_mmbench(folder / "mmbench", f"{stream}/mmbench", args.mmbench_questions)


def parse_args() -> argparse.Namespace:
    """The sizes of the demo's data; the defaults are what the demo has."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder that gets a sub-folder per data set")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="data sets to make (default: all)")
    add("--seed_records", type=int, default=6000, help="records in the seed set (default: 6000)")
    add("--finetune_records", type=int, default=900, help="records in the finetune set (default: 900)")
    add("--textvqa_questions", type=int, default=400, help="TextVQA questions (default: 400)")
    add("--mmbench_questions", type=int, default=400, help="MMBench questions (default: 400)")
    add(
        "--split",
        choices=("report", "tune"),
        default="report",
        help="report: images for results (default); tune: others, for choosing constants",
    )
    add("--random_seed", type=int, default=1024, help="another number, another world (default: 1024)")
    return parser.parse_args()


def main() -> None:
    """Write each asked data set."""
    args = parse_args()
    for name in ("seed_records", "finetune_records", "textvqa_questions", "mmbench_questions"):
        if getattr(args, name) < 1:
            raise BadInput(f"--{name} {getattr(args, name)}: at least 1 is needed")
    for part in args.parts:
        with atomic_folder(args.output / part) as folder:
            make_part(part, folder, f"{args.split}/{args.random_seed}", args)


if __name__ == "__main__":
    cli.run(main)
