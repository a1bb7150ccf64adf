"""Puts the shipped stand-ins into the official folders, as the downloads would be.

python py/world/make_models.py --output models/demo
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from world.folders import atomic_folder
from world.manifest import check_hashes
from world.shipped import NAMES, restore


def parse_args() -> argparse.Namespace:
    """Where from, where to, which."""
    parser = cli.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder that gets a sub-folder per model")
    parser.add_argument(
        "--weights",
        type=Path,
        default=Path(__file__).parent / "weights",
        help="the shipped weights (default: those beside this script)",
    )
    parser.add_argument(
        "--models", nargs="+", choices=NAMES, default=list(NAMES), help="models to make (default: all)"
    )
    return parser.parse_args()


def main() -> None:
    """Check the shipped files against their manifest, then write each model's folder."""
    args = parse_args()
    if bad := check_hashes(args.weights):
        raise BadInput(
            f"{args.weights / bad[0]}: not the file that the manifest names; restore it from git, or run "
            "'make standins' to train all anew"
        )
    for name in args.models:
        with atomic_folder(args.output / name) as folder:
            folder.rmdir()
            restore(name, args.weights / name, folder)


if __name__ == "__main__":
    cli.run(main)
