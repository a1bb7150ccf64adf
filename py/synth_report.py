"""Write one page by which a person judges a data recipe: funnel, statistics, records before and after.

The page is a single HTML file without scripts that needs no network: pictures and plots are in it.
The same input gives the same bytes.

    python py/synth_report.py --ledger runs/demo/default/ledger.jsonl --output synth_report.html \\
        --summary runs/demo/default/synth.summary.json --seed data/demo/seed/mgm_pretrain_demo.jsonl \\
        --recipe configs/recipes/filter_recaption.yaml
"""

from argparse import Namespace
from pathlib import Path

import cli
from errors import BadInput
from json_files import atomic_write
from recipe_report import page
from recipe_report.cards import Gallery
from recipe_report.sources import find_lines, read_images, read_ledger, read_recipe, read_summary
from recipe_report.survey import Survey
from recipe_report.templates import render

MOST_SAMPLES = 60
REMEDY = {
    "ledger": "'make synth' writes it",
    "summary": "'make synth' writes it",
    "seed": "'make data' or SEED=path/to/mgm_pretrain.jsonl",
    "recipe": "give one of configs/recipes, or your own",
}


def parse_args() -> Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--ledger", required=True, type=Path, help="the run's ledger.jsonl")
    parser.add_argument("--summary", required=True, type=Path, help="the run's synth.summary.json")
    parser.add_argument("--seed", required=True, type=Path, help="the seed file; images are relative to it")
    parser.add_argument("--recipe", required=True, type=Path, help="the recipe that the run followed")
    parser.add_argument("--output", required=True, type=Path, help="the .html to write")
    parser.add_argument(
        "--samples", type=int, default=12, help=f"records in a sample, 1 to {MOST_SAMPLES} (default: 12)"
    )
    parser.add_argument("--random_seed", type=int, default=1024, help="of the samples (default: 1024)")
    parser.add_argument("--title", help="heading of the page (default: Recipe NAME)")
    return parser.parse_args()


def check_args(args: Namespace) -> None:
    """Raise `BadInput` for a file that isn't there, or a number that makes no page."""
    for name, remedy in REMEDY.items():
        path = getattr(args, name)
        if not path.is_file():
            raise BadInput(f"{path}: no such file (--{name}); {remedy}")
    if not 1 <= args.samples <= MOST_SAMPLES:
        raise BadInput(f"--samples {args.samples}: give a number from 1 to {MOST_SAMPLES}")


def survey_of(args: Namespace, summary: dict) -> Survey:
    """What the ledger holds; raises `BadInput` unless it has as many lines as the summary's seed."""
    judged = {found["op"]: found["statistic"] for found in summary.get("thresholds") or []}
    survey = Survey(args.samples, args.random_seed, judged)
    for number, line in read_ledger(args.ledger):
        survey.add(number, line)
    if survey.lines != summary["seed"] or not survey.lines:
        raise BadInput(
            f"{args.ledger}: {survey.lines} lines, but {args.summary} speaks of {summary['seed']} seed "
            "records; make both again with 'make synth'"
        )
    return survey


def main() -> None:
    args = parse_args()
    check_args(args)
    summary = read_summary(args.summary)
    head, yaml = read_recipe(args.recipe)
    survey = survey_of(args, summary)
    twins = [line["notes"]["near_duplicate_of"] for line in survey.shown("near_duplicates")]
    originals = find_lines(args.ledger, twins)
    gallery = Gallery(read_images(args.seed, page.shown_ids(survey, originals)))
    content = {"title": args.title or f"Recipe {args.recipe.stem}", "head": head, "yaml": yaml}
    content |= page.counts_and_plots(survey, summary) | page.records_shown(survey, gallery, originals)
    text = render(content).encode("utf-8", "replace")
    with atomic_write(args.output, "wb") as file:
        file.write(text)
    print(f"synth_report.py: {args.output}: {len(text) / 1e6:.2f} MB, {gallery.count} pictures")


if __name__ == "__main__":
    cli.run(main)
