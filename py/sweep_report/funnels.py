"""What became of each recipe's data: its funnel, and a few records before and after."""

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from errors import BadInput
from leaderboard.runs import Run
from recipe_report.cards import Card, Gallery
from recipe_report.plots import funnel
from recipe_report.sources import read_images, read_ledger
from recipe_report.survey import Survey
from sweep_report.sources import Board

RANDOM_SEED = 1024  # of the records shown
SHOWN, MOST_SHOWN = 3, 60  # records of a kind and recipe; of a kind over all recipes
KINDS = {"recaptioned": "Recaptioned", "rejected": "Dropped", "random": "Selected as they were"}


class Data(NamedTuple):
    """A recipe's data; None without pretraining; ``missing`` says why no record is shown."""

    recipe: str
    data: dict | None
    plot: Markup | None
    same_as: list[str]
    cards: dict[str, list[Card]]
    missing: str


def data_of(board: Board) -> list[Data]:
    """The data of each recipe's first run."""
    few = max(1, min(SHOWN, MOST_SHOWN // len(board.entries)))
    lines, missing, seeds = {}, {}, {}
    for recipe, runs in board.runs.items():
        try:
            lines[recipe] = sample(runs[0], few) if runs[0].result["data"] else {}
            seeds[recipe] = seed_of(runs[0])
        except FileNotFoundError as error:
            lines[recipe], missing[recipe] = {}, f"{error.filename} is missing: no records to show."
    images = images_of(lines, seeds)
    return [told(entry, lines[entry["recipe"]], images, missing, seeds) for entry in board.entries]


def told(entry: dict, lines: dict[str, list[dict]], images: dict, missing: dict, seeds: dict) -> Data:
    """One recipe's data with cards of ``lines``."""
    recipe, data = entry["recipe"], entry["data"]
    steps = (data or {}).get("steps")
    gallery = Gallery(images.get(seeds.get(recipe), {}))
    cards = {KINDS[kind]: [gallery.card(line) for line in some] for kind, some in lines.items()}
    same_as = entry.get("same_data_as") or []
    return Data(
        recipe,
        data,
        funnel(steps, f"Data of {recipe}") if steps else None,
        same_as,
        cards,
        missing.get(recipe, ""),
    )


def sample(run: Run, few: int) -> dict[str, list[dict]]:
    """{kind: a few of its ledger's lines}; what was selected is shown where nothing was recaptioned."""
    survey = Survey(few, RANDOM_SEED, {})
    for number, line in read_ledger(run.synthesis / "ledger.jsonl"):
        survey.add(number, line)
    dropped = [line for label in survey.counts["rejected"] for line in survey.shown("rejected", label)]
    found = {"recaptioned": survey.shown("recaptioned"), "rejected": dropped[:few]}
    found["random"] = [] if found["recaptioned"] else survey.shown("random")
    return {kind: lines for kind, lines in found.items() if lines}


def seed_of(run: Run) -> Path | None:
    """The seed file that a run's data were made from, if its mark tells."""
    knobs = run.made.get("synth", {}).get("knobs", {})
    return Path(knobs["SEED"]) if knobs.get("SEED") else None


def images_of(
    lines: dict[str, dict[str, list[dict]]], seeds: dict[str, Path | None]
) -> dict[Path, dict[str, Path]]:
    """{seed file: {id: image}} of all records shown; each file is read once, one that is gone gives none."""
    wanted: dict[Path, set[str]] = {}
    for recipe, by_kind in lines.items():
        if seeds.get(recipe):
            ids = {line["id"] for some in by_kind.values() for line in some if line["id"] is not None}
            wanted.setdefault(seeds[recipe], set()).update(ids)
    found = {}
    for seed, ids in wanted.items():
        try:
            found[seed] = read_images(seed, ids)
        except (FileNotFoundError, BadInput):
            found[seed] = {}
    return found
