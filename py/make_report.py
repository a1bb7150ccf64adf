"""Write one page that answers: is my recipe better, by how much, and am I sure?

The page is a single HTML file without scripts that needs no network: pictures and plots are in it. It is made
from a leaderboard, the runs beside it that the leaderboard names, and the evaluation sets that they answered.
The same input gives the same bytes.

    python py/make_report.py --leaderboard runs/demo/leaderboard.json --eval_data data/demo/eval \\
        --output runs/demo/report.html
"""

from argparse import Namespace
from pathlib import Path

import cli
from errors import BadInput
from json_files import atomic_write
from sweep_report.evaluation import read_evaluation
from sweep_report.page import page
from sweep_report.sources import read_board


def parse_args() -> Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--leaderboard", required=True, type=Path, help="leaderboard.json, beside its runs")
    parser.add_argument("--eval_data", required=True, type=Path, help="folder with textvqa/ and mmbench/")
    parser.add_argument("--output", required=True, type=Path, help="the .html to write")
    return parser.parse_args()


def report(leaderboard: Path, eval_data: Path) -> str:
    """The page; raises `BadInput` where leaderboard, runs or sets are missing or don't agree."""
    if not leaderboard.is_file():
        raise BadInput(f"{leaderboard}: no such file (--leaderboard); 'make leaderboard' writes it")
    board = read_board(leaderboard)
    return page(board, read_evaluation(eval_data, board))


def main() -> None:
    args = parse_args()
    text = report(args.leaderboard, args.eval_data).encode("utf-8", "replace")
    with atomic_write(args.output, "wb") as file:
        file.write(text)
    print(f"make_report.py: {args.output}: {len(text) / 1e6:.2f} MB")


if __name__ == "__main__":
    cli.run(main)
