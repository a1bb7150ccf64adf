"""The graph by real builds: what runs after a change, what a kill leaves behind, what bad input does."""

import json
import os
import signal
import subprocess
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]
EVALUATION = ["mmbench", "textvqa"]


def test_a_whole_build_leaves_scores_and_nothing_to_do(build):
    result = json.loads((build.folder / "runs/demo/tiny/results.json").read_text())
    assert result["data"]["seed"] == 48
    assert set(result["scores"]) == {"textvqa", "mmbench"}
    assert all(
        0 <= score["ci95"][0] <= score["accuracy"] <= score["ci95"][1] <= 100
        for score in result["scores"].values()
    )
    assert result["training"]["pretrain"]["samples"] == 48
    assert build.make("results", "-q").returncode == 0
    again = build.make("results").stdout
    assert "Verdict:" in again and "nothing to do" in again


def test_touching_every_file_runs_nothing(build):
    for path in [
        build.folder / "Makefile",
        *(build.folder / "py").rglob("*.py"),
        *(build.folder / "configs").rglob("*.yaml"),
    ]:
        path.touch()
    assert build.stages("results") == []


def test_a_reworded_comment_in_a_recipe_runs_nothing(build):
    recipe = build.folder / "configs/recipes/seed.yaml"
    recipe.write_text("# another word\n" + recipe.read_text())
    assert build.stages("results") == []


def test_a_knob_that_the_recipe_does_not_read_leaves_synthesis_alone(build):
    assert "synth" not in build.stages("synth", RANDOM_SEED="7", PRETRAIN_BUDGET="40")


def test_own_seed_data_are_compared_with_one_baseline(build):
    knobs = {name: value for name, value in build.knobs.items() if name != "BASELINE_EXP"}
    printed = build.with_knobs(knobs | {"EXP": "real"}).make("results", "-n").stdout
    assert "runs/demo/real-baseline " in printed and "real-baseline-baseline" not in printed


def test_a_finetuning_knob_leaves_synthesis_and_pretraining_alone(build):
    printed = build.make("results", FINETUNE_LEARNING_RATE="5e-4").stdout
    assert build.stages_in(printed) == sorted(["finetune", *EVALUATION, "results"])
    assert "Verdict:" in printed and "nothing to do" not in printed


def test_a_deleted_output_is_made_again_and_what_follows_stays(build):
    build.make("results")
    (build.folder / "runs/demo/tiny/synth.llava.json").unlink()
    assert build.stages("results") == ["convert"]


def test_clean_synth_redoes_the_data_and_nothing_after_it(build):
    build.make("results")
    build.make("clean-synth")
    printed = build.make("results").stdout
    assert build.stages_in(printed) == ["convert", "synth"] and "nothing to do" not in printed


def test_a_killed_pretraining_goes_on_to_the_same_weights(build):
    build.make("results")
    undisturbed, finetuned = build.mark("pretrain"), build.mark("finetune")
    subprocess.run(
        ["rm", "-r", "runs/demo/tiny/pretrain", "runs/demo/tiny/.make/pretrain.made"],
        cwd=build.folder,
        check=True,
    )
    settings = [f"{name}={value}" for name, value in build.knobs.items()]
    running = subprocess.Popen(
        ["make", "results", *settings], cwd=build.folder, start_new_session=True, stdout=subprocess.DEVNULL
    )
    checkpoints = build.folder / "runs/demo/tiny/pretrain"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("checkpoint-*/complete.json")):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    subprocess.run(["pkill", "-9", "-f", str(build.folder)], check=False)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (checkpoints / "mm_projector.bin").exists()
    time.sleep(1)
    assert build.stages("results") == ["pretrain"]
    assert "resuming from" in (build.folder / "runs/demo/tiny/.make/pretrain.log").read_text()
    assert build.mark("pretrain") == undisturbed and build.mark("finetune") == finetuned


def first_record(build, change):
    """Break the first record of a copy of the seed set."""
    records = [json.loads(line) for line in (build.folder / "tiny/seed/seed.jsonl").read_text().splitlines()]
    lines = [json.dumps(record) for record in records]
    lines[0] = change(dict(records[0]), lines)
    (build.folder / "tiny/seed/bad.jsonl").write_text("\n".join(lines) + "\n")
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
def test_a_bad_seed_record_stops_the_build_and_leaves_what_was_made(build, name):
    change, words = BAD_SEEDS[name]
    broken = first_record(build, change)
    before = (build.folder / "runs/demo/tiny/synth.jsonl").read_bytes()
    done = build.make("results", check=False, SEED="tiny/seed/bad.jsonl")
    assert done.returncode != 0
    assert "bad.jsonl" in done.stderr and words in done.stderr
    assert name in ("broken JSON", "a duplicate id") or broken in done.stderr
    assert "Traceback" not in done.stderr
    assert (build.folder / "runs/demo/tiny/synth.jsonl").read_bytes() == before


def test_a_global_batch_that_does_not_multiply_out_stops_before_training(build):
    done = build.make("results", check=False, PRETRAIN_GLOBAL_BATCH_SIZE="7", PRETRAIN_BATCH_SIZE_PER_GPU="2")
    assert done.returncode != 0 and "7" in done.stderr and "per_device_train_batch_size" in done.stderr


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"PROFILE": "huge"}, "PROFILE=huge is unknown"),
        ({"RECIPE": "none"}, "RECIPE=none is unknown"),
        ({"EXP": "a/b"}, "EXP='a/b'"),
        ({"EXP": "a b"}, "EXP='a b'"),
        ({"PRETRAIN": "True"}, "PRETRAIN='True' must be yes or no"),
        ({"SEED": "my dir/seed.jsonl"}, "SEED='my dir/seed.jsonl': a path with a space"),
        ({"SEED": "gone.jsonl"}, "gone.jsonl: no such file"),
    ],
)
def test_an_unknown_knob_value_is_named(build, knobs, words):
    done = build.make("results", check=False, **knobs)
    assert done.returncode != 0 and words in done.stderr
