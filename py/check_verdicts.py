"""How far verdicts from a few random seeds agree with those from the others, over all splits of the seeds.

python py/check_verdicts.py --runs runs/demo --recipes seed recaption --random_seeds 1 2 3 4 5 6 7 8 --few 3
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from rich.console import Console
from rich.table import Table

import cli
from errors import BadInput
from leaderboard.board import all_contrasts
from leaderboard.runs import Run
from leaderboard.sweep import BASELINE, read_sweep
from leaderboard.verdicts import BETTER, UNDECIDED, WORSE, verdicts

Place = tuple[str, str]
"""A recipe, and the test or the challenge's score in which it is compared with the baseline."""


def words_of(rows: dict[str, list[Run]], random_seeds: Sequence[int]) -> dict[Place, str]:
    """The verdicts of a leaderboard over ``random_seeds`` alone."""
    some = {name: [run for run in runs if run.random_seed in random_seeds] for name, runs in rows.items()}
    asked = all_contrasts(some, list(some[BASELINE][0].scores))
    return dict(zip(asked, (found.word for found in verdicts(list(asked.values()))), strict=True))


def agreements(rows: dict[str, list[Run]], few: int) -> dict[Place, Counter]:
    """{place: Counter of (verdict by ``few`` seeds, verdict by the others)} over all splits."""
    seeds = sorted({run.random_seed for runs in rows.values() for run in runs})
    found: dict[Place, Counter] = {}
    for chosen in combinations(seeds, few):
        first = words_of(rows, chosen)
        second = words_of(rows, [seed for seed in seeds if seed not in chosen])
        for place in first.keys() & second.keys():
            found.setdefault(place, Counter())[first[place], second[place]] += 1
    return found


def table_of(found: dict[Place, Counter], few: int) -> Table:
    """A row per comparison: how many splits agree, contradict, or decide on one side alone."""
    table = Table()
    headings = ("recipe", "in", "agree", f"only {few} decide", "only the others decide", "contradict")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in headings[:2] else "right")
    for (recipe, what), counts in sorted(found.items()):
        of = counts.total()
        same = sum(count for (a, b), count in counts.items() if a == b)
        early = sum(count for (a, b), count in counts.items() if a != UNDECIDED == b)
        late = sum(count for (a, b), count in counts.items() if a == UNDECIDED != b)
        against = sum(counts[pair] for pair in ((BETTER, WORSE), (WORSE, BETTER)))
        table.add_row(recipe, what, *(f"{count} of {of}" for count in (same, early, late, against)))
    return table


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder with RECIPE-sRANDOM_SEED/ of each")
    parser.add_argument("--recipes", nargs="+", required=True, help="names; 'seed', the baseline, among them")
    parser.add_argument("--random_seeds", nargs="+", type=int, required=True, help="all of the sweep")
    parser.add_argument("--few", type=int, default=3, help="seeds on one side of a split (default: 3)")
    args = parser.parse_args()
    sweep = read_sweep(args.runs, args.recipes, args.random_seeds)
    missing = {name: left for name, left in sweep.left_out.items() if left}
    if missing or BASELINE not in args.recipes:
        name, left = next(iter(missing.items()), (BASELINE, [{"reason": "not among --recipes"}]))
        raise BadInput(f"{name}: {left[0]['reason']}; every recipe needs every random seed, and '{BASELINE}'")
    if not 2 <= args.few <= len(args.random_seeds) - 2:
        raise BadInput(f"--few {args.few}: each side needs 2 of the {len(args.random_seeds)} seeds")
    found = agreements(sweep.rows, args.few)
    same = sum(count for counts in found.values() for (a, b), count in counts.items() if a == b)
    console = Console(width=None if Console().is_terminal else 100, highlight=False)
    console.print(table_of(found, args.few))
    console.print(f"{same} of {sum(counts.total() for counts in found.values())} verdicts agree.")


if __name__ == "__main__":
    cli.run(main)
