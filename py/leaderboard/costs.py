"""What a recipe cost: questions to models, their operations, minutes."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from leaderboard.runs import Run

ASKS = {
    "blip2_caption_mapper": "captions",
    "image_captioning_mapper": "captions",
    "clip_image_text_similarity_filter": "similarities",
    "image_text_similarity_filter": "similarities",
    "clip_best_caption_mapper": "similarities",
    "blip_image_text_matching_filter": "matches",
    "image_text_matching_filter": "matches",
    "rapidocr_mapper": "images read",
}


def model_calls(steps: list[dict], notes: dict) -> dict[str, int]:
    """{what was asked: how often} by a summary's steps; a store may have had the answers.

    Embeddings for clusters and near-duplicates come with the similarities, and are not counted again.
    """
    calls: Counter = Counter()
    for step in steps:
        name = step["op"].partition("#")[0]
        if name in ASKS:
            calls[ASKS[name]] += step["in"]
    unasked = notes.get("caption_check", {}).get("not asked", 0)
    return dict(calls) | ({"captions": calls["captions"] - unasked} if calls["captions"] else {})


def cost_of(runs: Sequence[Run], per_call: dict[str, int]) -> dict:
    """Cost of a recipe's data, asked once, and of one of its runs, on average."""
    data = runs[0].result["data"] or {}
    calls = model_calls(data.get("steps") or [], data.get("notes") or {})
    return {
        "model_calls": calls,
        "synthesis_flop": sum(count * per_call.get(asked, 0) for asked, count in calls.items()),
        "synthesis_minutes": synthesis_minutes(runs),
        "training_flop": training_flop(runs),
        "run_minutes": run_minutes(runs),
    }


def synthesis_minutes(runs: Sequence[Run]) -> float | None:
    """Minutes of the longest synthesis of ``runs``: the others found the models' answers in the store."""
    seconds = [run.made["synth"]["seconds"] for run in runs if "synth" in run.made]
    return max(seconds) / 60 if seconds else None


def run_minutes(runs: Sequence[Run]) -> float | None:
    """Mean minutes of one run, from its data to its scores; with synthesis where each run has its own."""
    seconds = [
        sum(
            mark["seconds"]
            for stage, mark in run.made.items()
            if stage != "synth" or not run.shares_synthesis
        )
        for run in runs
        if run.made
    ]
    return fmean(seconds) / 60 if seconds else None


def training_flop(runs: Sequence[Run]) -> float | None:
    """Mean operations of both trainings of one run, as counted before their first step."""
    sums = [
        sum(stage["flop"] for stage in run.result["training"].values() if stage and "flop" in stage)
        for run in runs
    ]
    return fmean(sums) or None
