"""Print leaderboard.json for a person: scores, verdicts, what would decide the open ones, what next.

Plain text of 100 columns where the output is not a terminal.

    python py/show_leaderboard.py runs/demo/leaderboard.json
"""

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

import cli
from errors import BadInput
from json_files import read_json
from leaderboard.board_shape import board_fault
from leaderboard.board_words import Board, explanations, next_steps, rests_on_one_run, tests_of
from leaderboard.sweep import BASELINE
from leaderboard.terminal import add, heading, table_of
from screen import console, name_of, with_interval


def score_table(board: Board) -> Table:
    """A row per recipe, best first; under each test's score its verdict."""
    tests = tests_of(board[0])
    headings = ["recipe", "runs", "score ÷ baseline's", *(f"{name_of(test)} %" for test in tests), "overall"]
    table = table_of(*headings)
    for entry in board:
        if not entry["random_seeds"]:
            continue
        ratio = entry["ratio"] or {"mean": None}
        known = ratio["mean"] is not None
        cells = [with_interval(ratio["mean"], ratio.get("ci95"), ".2f") if known else "–"]
        for test in tests:
            score = with_interval(entry[test]["accuracy"], entry[test]["ci95"])
            cells += [f"{score}\n{verdict(entry[test]['vs_baseline'], '')}".rstrip()]
        cells += [verdict(entry["vs_baseline"], "baseline" if entry["recipe"] == BASELINE else "–")]
        add(table, entry["recipe"], str(len(entry["random_seeds"])), *cells)
    return table


def verdict(told: dict[str, Any] | None, otherwise: str) -> str:
    """The file's verdict, marked where it rests on one run; ``otherwise`` where the file has none."""
    return f"{told['verdict']}{'*' if rests_on_one_run(told) else ''}" if told else otherwise


def shown(board: Board, profile: str, settings: str) -> list[Table | Text]:
    """All that is printed, in order; steps to try are not to be wrapped."""
    title = Text(f"Leaderboard of {profile}, best first", style="bold")
    steps = [Text(f"  {step}", no_wrap=True) for step in next_steps(board, profile, settings)]
    return [title, score_table(board), *map(Text, explanations(board)), heading("Next:"), *steps]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("leaderboard", type=Path, help="runs/PROFILE/leaderboard.json")
    parser.add_argument("--settings", default="", help="KNOB=VALUE … of the next sweep (default: none)")
    args = parser.parse_args()
    if not args.leaderboard.is_file():
        raise BadInput(f"{args.leaderboard}: no such file; 'make leaderboard' makes it")
    board = read_json(args.leaderboard)
    if fault := board_fault(board):
        raise BadInput(
            f"{args.leaderboard}: not a leaderboard ({fault}); make it again with 'make leaderboard'"
        )
    out = console()
    for part in shown(board, args.leaderboard.resolve().parent.name, args.settings):
        out.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap)


if __name__ == "__main__":
    cli.run(main)
