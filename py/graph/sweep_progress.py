"""Say how far a sweep is: runs to make, or made so far, time gone, time left at this pace.

python py/graph/sweep_progress.py --started 1795883135 runs/demo/default/.make/results
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from graph import marks
from progress import clock


def is_made(mark: str, started: float) -> bool:
    """Whether the stage was made since ``started``."""
    made = marks.read(mark)
    return made is not None and made["started"] >= started


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--started", type=float, required=True, help="when the sweep began, Unix time")
    parser.add_argument("marks", nargs="+", help="marks of the runs that it had to make")
    args = parser.parse_args()
    made = sum(is_made(mark, args.started) for mark in args.marks)
    if not made:
        print(f"[sweep] {len(args.marks)} runs to make", flush=True)
        return
    gone = time.time() - args.started
    left = gone / made * (len(args.marks) - made)
    told = f", about {clock(left)} left" if left else ""
    print(f"[sweep] {made} of {len(args.marks)} runs made in {clock(gone)}{told}", flush=True)


if __name__ == "__main__":
    cli.run(main)
