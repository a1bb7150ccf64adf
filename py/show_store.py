"""Show the store of models' answers: what lies in it, how often it saved a call, what a recipe still lacks.

With the configuration of a run its operators are asked, over all records, which answers they would need;
those after a filter will need fewer, so each count is the most that can be missing.

    python py/show_store.py --store data/store.sqlite
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

import cli
from errors import BadInput
from json_files import read_jsonl
from store import Store

SETTING_SHOWN = 60


def contents(store: Store) -> Table:
    """One line per model and setting."""
    table = Table(
        "model", "SHA-256", "setting", "answers", "MB", "asked", "from the store", box=None, pad_edge=False
    )
    for column in table.columns[3:]:
        column.justify = "right"
    for row in store.overview():
        asked, saved = row["asked"], row["asked"] - row["computed"]
        share = f"{100 * max(saved, 0) / asked:.0f} %" if asked else "–"
        setting = row["settings"][:SETTING_SHOWN]
        size = f"{row['bytes'] / 1e6:.1f}"
        table.add_row(
            row["name"], row["sha256"][:8], setting, f"{row['answers']:,}", size, f"{asked:,}", share
        )
    return table


def batch_of(seed: Path) -> dict[str, list]:
    """The checked records as the batch that an operator gets."""
    rows = [row for _, row in read_jsonl(seed)]
    batch: dict[str, list] = {name: [row[name] for row in rows] for name in rows[0]}
    return batch | {name: [{} for _ in rows] for name in ("__dj__stats__", "__dj__meta__")}


def lacking(operator: Any, batch: dict[str, list]) -> int | None:
    """How many answers ``operator`` would have to compute for ``batch``; None if it asks no model."""
    if not hasattr(operator, "questions"):
        return None
    questions = operator.questions(batch)
    for answers, _ in questions:
        answers.counted = False  # a look is no use
    return sum(len(answers.lacking(keys)) for answers, keys in questions)


def remaining(config: Path) -> Table:
    """One line per operator of the filled recipe that asks a model."""
    from run_data_juicer import leave_out_ray, refuse_installation

    leave_out_ray()
    refuse_installation()
    from data_juicer.config.config import load_custom_operators
    from data_juicer.ops import load_ops

    recipe = yaml.safe_load(config.read_text(encoding="utf-8"))
    load_custom_operators(recipe["custom_operator_paths"])
    batch = batch_of(Path(recipe["dataset"]["configs"][0]["path"]))
    table = Table("operator", "at most to compute", "of records", box=None, pad_edge=False)
    steps = [step for step in recipe["process"] if "ledger_pipeline" not in step]
    for step, operator in zip(steps, load_ops(steps), strict=True):
        count = lacking(operator, batch)
        if count is not None:
            table.add_row(next(iter(step)), f"{count:,}", f"{len(batch['id']):,}")
            if hasattr(operator, "take_known"):
                operator.take_known(batch)
    return table


def chosen(store: Store, name: str) -> str:
    """The SHA-256 of the model ``name``, or ``name@beginning of its SHA-256`` of several."""
    model, _, start = name.partition("@")
    known = sorted({(row["name"], row["sha256"]) for row in store.overview()})
    found = [sha256 for other, sha256 in known if other == model and sha256.startswith(start)]
    if len(found) != 1:
        listed = ", ".join(f"{other}@{sha256[:8]}" for other, sha256 in known)
        what = "several models" if found else "no model"
        raise BadInput(f"{store.path} has {what} '{name}'; there are: {listed}")
    return found[0]


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--store", required=True, type=Path, help="the SQLite file")
    parser.add_argument(
        "--config", type=Path, help="fill_recipe.py's recipe.yaml: what it lacks (default: none)"
    )
    parser.add_argument("--prune", default="", metavar="NAME[@HASH]", help="model to forget (default: none)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if not args.store.exists():
        print(f"{args.store}: nothing is stored yet")
        return
    store, console = Store(args.store), Console(width=None if sys.stdout.isatty() else 150)
    if args.prune:
        print(f"{args.prune}: {store.prune(chosen(store, args.prune)):,} answers forgotten")
    console.print(contents(store))
    print(f"{args.store}: {args.store.stat().st_size / 1e6:.1f} MB")
    if args.config:
        print()
        console.print(remaining(args.config))


if __name__ == "__main__":
    cli.run(main)
