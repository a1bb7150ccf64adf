"""Print how two experiments differ: settings, data, losses, scores, answers, and how sure the difference is.

A and B each name an experiment, or a recipe of a sweep, which means all its runs A-sSEED.

    python py/compare_runs.py --runs runs/demo --a default --b baseline
"""

from pathlib import Path

import cli
from errors import BadInput
from json_files import write_json
from leaderboard.comparison import compare
from leaderboard.show_comparison import show
from leaderboard.sides import read_sides
from screen import console


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="the profile's folder of experiments")
    parser.add_argument("--a", required=True, help="an experiment, its folder, or a recipe of a sweep")
    parser.add_argument("--b", required=True, help="what A is compared with")
    parser.add_argument("--json", type=Path, help="a file to write all of it into; off: none")
    args = parser.parse_args()
    found = compare(*read_sides(args.runs, args.a, args.b))
    show(found, console())
    if found["hindrances"]:
        raise BadInput(
            f"A={args.a} B={args.b}: their scores cannot be compared: {', '.join(found['hindrances'])}; "
            "evaluate both in the same way: one PROFILE, EVAL_DATA and MMBENCH_PARSE"
        )
    if args.json:
        write_json(args.json, found)


if __name__ == "__main__":
    cli.run(main)
