"""A whole build, and what bad records do to it."""

import json
import shutil

import pytest

pytestmark = pytest.mark.slow


def test_a_whole_build_leaves_scores_and_nothing_to_do(build):
    result = json.loads((build.run() / "results.json").read_text())
    assert result["data"]["seed"] == 48
    assert set(result["scores"]) == {"textvqa", "mmbench"}
    assert all(
        0 <= score["ci95"][0] <= score["accuracy"] <= score["ci95"][1] <= 100
        for score in result["scores"].values()
    )
    assert result["training"]["pretrain"]["samples"] == 48
    assert build.make("results", "-q").returncode == 0
    again = build.make("results").stdout
    assert "Verdict:" in again and "nothing to do: runs/demo/default is up to date" in again


def test_own_seed_data_are_compared_with_one_baseline(build):
    seed = next((build.folder / "data/demo/seed").glob("*.jsonl")).relative_to(build.folder)
    printed = build.make("plan", EXP="real", SEED=str(seed), BASELINE_EXP="real-baseline").stdout
    assert "run runs/demo/real-baseline/results.json" in printed and "real-baseline-baseline" not in printed


@pytest.fixture(scope="module")
def own(build):
    """A seed set of one's own, to spoil."""
    folder = build.folder / "own"
    shutil.copytree(build.folder / "data/demo/seed", folder)
    return next(folder.glob("*.jsonl"))


def first_record(own, change):
    """Break the first record of a copy of the seed set."""
    records = [json.loads(line) for line in own.read_text().splitlines()]
    lines = [json.dumps(record) for record in records]
    lines[0] = change(dict(records[0]), lines)
    own.with_name("bad.jsonl").write_text("\n".join(lines) + "\n")
    return records[0]["id"]


BAD_SEEDS = {
    "a missing image": (lambda r, lines: json.dumps(r | {"images": ["images/none.jpg"]}), "none.jpg"),
    "broken JSON": (lambda r, lines: '{"id": ', "bad.jsonl:1"),
    "a duplicate id": (lambda r, lines: lines[1], "already"),
    "an empty caption": (
        lambda r, lines: json.dumps(r | {"text": "<__dj__image>\n <|__dj__eoc|>"}),
        "caption",
    ),
    "two images": (lambda r, lines: json.dumps(r | {"images": r["images"] * 2}), "image"),
}


@pytest.mark.parametrize("name", BAD_SEEDS)
def test_a_bad_seed_record_stops_the_build_and_leaves_what_was_made(build, own, name):
    change, words = BAD_SEEDS[name]
    broken = first_record(own, change)
    before = (build.run() / "synth.jsonl").read_bytes()
    done = build.make("results", check=False, SEED="own/bad.jsonl", STAGE1="own/stage_1.json")
    assert done.returncode != 0
    assert "bad.jsonl" in done.stderr and words in done.stderr
    assert name in ("broken JSON", "a duplicate id") or broken in done.stderr
    assert "Traceback" not in done.stderr
    assert (build.run() / "synth.jsonl").read_bytes() == before
