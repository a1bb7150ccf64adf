"""What a person reads at the end: all that was measured, no winner inside the noise, what to try next."""

import subprocess
import sys
from pathlib import Path

import pytest

from intervals import wilson95
from json_files import write_json
from result_words import data_line, next_steps, time_line, verdict
from show_results import stage_seconds

ROOT = Path(__file__).resolve().parents[1]


def score(accuracy, n):
    return {"accuracy": accuracy, "n": n, "ci95": wilson95(accuracy, n)}


def result(textvqa=60.0, base_textvqa=20.0, base_mmbench=38.0):
    protocol = {
        "question_file_sha256": "ab" * 32,
        "decoding": "greedy",
        "max_new_tokens": 128,
        "dtype": "float32",
    }
    protocol |= {"batch_size": 50, "image": "pad"}
    training = {"samples": 3000, "steps": 375, "loss": 0.5, "seconds": 61.5}
    baseline = {"textvqa": score(base_textvqa, 500), "mmbench": score(base_mmbench, 200)}
    ratio = {
        "textvqa": textvqa / base_textvqa,
        "mmbench": 40 / base_mmbench if base_mmbench else None,
        "mean": None,
    }
    return {
        "profile": "demo",
        "experiment": "default",
        "recipe": "recaption",
        "random_seed": 1024,
        "scores": {"textvqa": score(textvqa, 500), "mmbench": score(40.0, 200)},
        "baseline": {"experiment": "baseline", "recipe": "seed", "random_seed": 1024, "scores": baseline},
        "ratio": ratio,
        "data": {"seed": 3000, "dropped": {"similarity_filter": 1300, "length_filter": 0}, "selected": 2900}
        | {"unique": 1700, "synthesised": 1412},
        "training": {"pretrain": training, "finetune": None},
        "protocol": {
            "textvqa": protocol | {"test": "textvqa", "prompts_with_ocr_tokens": 500},
            "mmbench": protocol | {"test": "mmbench", "parse": "inferred"},
        },
        "inputs": {},
        "versions": {"python": "3.11.9", "torch": "2.14.1"},
    }


def shown(folder, value):
    write_json(folder / "results.json", value)
    command = [sys.executable, ROOT / "py" / "show_results.py", folder / "results.json"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_table_is_plain_and_holds_everything_that_was_measured(tmp_path):
    (tmp_path / ".make").mkdir()
    write_json(tmp_path / ".make" / "synth.made", {"seconds": 12.5})
    text = shown(tmp_path, result())
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines() if "make results" not in line) <= 100
    flat = " ".join(text.split())
    low, high = wilson95(60.0, 500)
    for part in (
        "demo / default: recipe recaption, random seed 1024",
        f"60.0 [{low:.1f}, {high:.1f}]",
        "20.0 [",
        "3.00",
        "1.05",
        "3000 in the seed → dropped: similarity_filter 1300 → 2900 selected, 1700 unique, 1412 synthesised"
        " → 3000 trained on",
        "Seconds: synth 12.5; together 12.5",
        "greedy, float32, batch 50, ≤ 128 tokens, OCR tokens in the prompt, questions abababab",
        "circular, letters inferred",
        "torch 2.14.1",
        "TextVQA better than the baseline, beyond both intervals; MMBench undecided",
        "Of one run only the questions' scatter is known, not the runs'",
        "RECIPE=recaption RANDOM_SEED=1025",
        'make sweep RECIPES="seed recaption"',
        "SEED=path/to/mgm_pretrain.jsonl STAGE1=path/to/stage_1.json",
        "make help",
    ):
        assert part in flat


@pytest.mark.parametrize(
    ("textvqa", "base", "word"),
    [(60, 20, "better"), (60, 58, "undecided"), (60, 61, "undecided"), (20, 60, "worse")],
)
def test_a_winner_is_named_only_where_the_intervals_do_not_overlap(textvqa, base, word):
    assert f"TextVQA {word}" in verdict(result(float(textvqa), float(base)))


def test_an_undefined_ratio_is_said():
    assert "no ratio for MMBench, where the baseline's score is 0" in verdict(result(base_mmbench=0.0))


def test_without_a_baseline_nothing_is_compared(tmp_path):
    text = shown(tmp_path, result() | {"baseline": None, "ratio": None})
    assert "no baseline to compare with" in text


def test_a_run_without_pretraining_data_says_so():
    assert data_line(result() | {"data": None}) == "Records: no pretraining"


def test_stage_times_come_in_the_graphs_order_and_else_from_training(tmp_path):
    for stage in ("mmbench", "blank_mmbench", "synth", "results"):
        write_json(tmp_path / f"{stage}.made", {"seconds": 2})
    assert list(stage_seconds(tmp_path)) == ["synth", "mmbench"]
    assert time_line(result(), stage_seconds(tmp_path / "none")) == "Seconds: pretrain 61.5; together 61.5"


def test_stages_that_a_run_without_pretraining_left_unused_are_not_counted(tmp_path):
    (tmp_path / ".make").mkdir()
    for stage in ("synth", "pretrain", "finetune"):
        write_json(tmp_path / ".make" / f"{stage}.made", {"seconds": 2.0})
    value = result() | {"data": None, "training": {"pretrain": None, "finetune": None}}
    assert "Seconds: finetune 2.0; together 2.0" in shown(tmp_path, value)


def test_another_profile_is_named_in_the_next_commands(tmp_path):
    assert "make results PROFILE=10k RECIPE=" in shown(tmp_path, result() | {"profile": "10k"})


def test_the_next_commands_repeat_the_knobs_that_were_set_and_share_the_baseline():
    settings = ["RECIPE=my/own.yaml", "SEED=my/seed.jsonl"]
    value = result() | {"recipe": "own", "experiment": "real"}
    steps = next_steps(value, settings)
    make = "make results SEED=my/seed.jsonl"
    assert f"{make} RECIPE=recaption EXP=real-recaption BASELINE_EXP=baseline" in steps
    assert f"{make} RECIPE=my/own.yaml RANDOM_SEED=1025 EXP=real-1025" in steps
    assert not any("path/to" in step or "RECIPE=seed" in step for step in steps)


def test_a_file_that_is_no_result_is_refused_in_one_line(tmp_path):
    write_json(tmp_path / "results.json", {"scores": {}})
    command = [sys.executable, ROOT / "py" / "show_results.py", tmp_path / "results.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "not a results.json" in done.stderr
