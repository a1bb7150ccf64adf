"""leaderboard.sh: its two files, its options, and a failure that leaves the text as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from json_files import read_json
from sweeps import write_run

ROOT = Path(__file__).resolve().parents[2]


def leaderboard(*words: object, python: object = sys.executable) -> subprocess.CompletedProcess:
    command = [str(ROOT / "scripts/leaderboard.sh"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHON": str(python)})


def test_a_leaderboard_is_written_for_people_and_for_programs(tmp_path, standin):
    for recipe, share in {"seed": 0.3, "mine": 0.8}.items():
        for random_seed in (1, 2):
            write_run(tmp_path, recipe, random_seed, share)
    models = ["--captioner", standin("blip2-opt-2.7b"), "--matching_model", standin("blip-itm-base-coco")]
    flags = ["--runs", tmp_path, "--recipes", "seed mine", "--random_seeds", "1 2 3", *models]
    done = leaderboard(*flags, "--settings", 'RECIPES="seed mine"')
    assert done.returncode == 0, done.stderr
    assert "make_leaderboard.py: mine-s3 left out" in done.stderr
    board = read_json(tmp_path / "leaderboard.json")
    assert [(entry["recipe"], entry["random_seeds"]) for entry in board] == [
        ("mine", [1, 2]),
        ("seed", [1, 2]),
    ]
    assert 0 < board[0]["cost"]["synthesis_flop"] < 10**12, "of the stand-in's shape"
    text = (tmp_path / "leaderboard.txt").read_text()
    assert 'RECIPES="seed mine" RANDOM_SEEDS="1 2 3' in text
    assert "mine" in text
    assert not list(tmp_path.glob("*+"))


@pytest.mark.parametrize(
    "words, message",
    [
        (
            ["--recipes", "seed", "--random_seeds", "1"],
            "leaderboard.sh: --runs FOLDER is missing (see --help)",
        ),
        (["--runs", "nowhere", "--recipe", "seed"], "leaderboard.sh: unknown option --recipe (see --help)"),
        (["--runs"], "a folder is needed"),
        (["--runs", "nowhere", "--recipes", ""], "values are needed"),
        (["--runs", "nowhere", "--settings"], "knobs are needed"),
    ],
)
def test_a_slip_is_told_before_anything_runs(words, message):
    done = leaderboard(*words, python="/bin/false")
    assert done.returncode != 0
    assert message in done.stderr


def test_help_tells_usage_and_example():
    done = leaderboard("--help")
    assert done.returncode == 0
    assert "usage: leaderboard.sh --runs" in done.stdout
    assert "example: scripts/leaderboard.sh --runs" in done.stdout
    assert "#" not in done.stdout


@pytest.mark.parametrize("failing", ["make_leaderboard.py", "show_leaderboard.py"])
def test_a_step_that_fails_leaves_the_old_text_and_fails_the_script(tmp_path, failing):
    (tmp_path / "leaderboard.txt").write_text("old")
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho half\ncase $1 in *{failing}) exit 3;; esac\n")
    python.chmod(0o755)
    done = leaderboard("--runs", tmp_path, "--recipes", "seed", "--random_seeds", "1", python=python)
    assert done.returncode == 3
    assert (tmp_path / "leaderboard.txt").read_text() == "old"
