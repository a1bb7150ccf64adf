"""make_leaderboard.py: all recipes asked for and what is left out, or an error and the old file."""

import sys
from pathlib import Path

import pytest

import cli
import make_leaderboard
from json_files import read_json
from sweeps import change, write_run


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A function that runs the script over runs in ``tmp_path``; gives what it wrote."""
    monkeypatch.setattr(make_leaderboard, "flop_per_call", lambda *folders: {"captions": 7})

    def run(*recipes, random_seeds=(1, 2)):
        output = tmp_path / "out" / "leaderboard.json"
        words = ["--runs", tmp_path, "--recipes", *recipes, "--random_seeds", *random_seeds]
        monkeypatch.setattr(sys, "argv", ["make_leaderboard.py", *map(str, [*words, "--output", output])])
        cli.run(make_leaderboard.main)
        return read_json(output)

    return run


@pytest.fixture
def runs(tmp_path):
    for recipe, share in {"seed": 0.4, "mine": 0.9}.items():
        for random_seed in (1, 2):
            write_run(tmp_path, recipe, random_seed, share)
    return tmp_path


def test_every_recipe_asked_for_is_written_best_first(runs, make, capsys):
    board = make("seed", "mine")
    assert [entry["recipe"] for entry in board] == ["mine", "seed"]
    assert board[0]["cost"]["synthesis_flop"] == 7 * 100
    assert capsys.readouterr().err == ""
    assert make("seed", "mine") == board


def test_a_run_left_out_is_told_and_its_recipe_written_all_the_same(runs, make, capsys):
    change(runs / "mine-s2/results.json", profile="10k")
    board = make("seed", "mine", "none")
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "make_leaderboard.py: mine-s2 left out: not comparable with seed-s1: profile demo → 10k"
    )
    assert [line.partition(" left out: ")[0] for line in told[1:]] == [
        "make_leaderboard.py: none-s1",
        "make_leaderboard.py: none-s2",
    ]
    assert [(entry["recipe"], entry["random_seeds"]) for entry in board] == [
        ("mine", [1]),
        ("seed", [1, 2]),
        ("none", []),
    ]


def test_without_any_usable_run_the_old_file_stays_and_one_line_says_why(runs, make):
    board = make("seed", "mine")
    with pytest.raises(SystemExit, match=r"^make_leaderboard.py: .*: no run of none that can be used; "):
        make("none")
    assert read_json(runs / "out" / "leaderboard.json") == board
    assert [path.name for path in (runs / "out").iterdir()] == ["leaderboard.json"]


def test_a_call_costs_what_its_models_shape_says_the_official_one_where_no_folder_is(standin):
    small = make_leaderboard.flop_per_call(
        Path(standin("blip2-opt-2.7b")), None, Path(standin("blip-itm-base-coco"))
    )
    assert 10**6 < small["captions"] < 10**9 and 10**6 < small["matches"] < 10**9
    assert small["similarities"] > 10**9, "CLIP's official shape"
    assert (
        make_leaderboard.flop_per_call(None, Path("no/such/folder"), None)["matches"] > 100 * small["matches"]
    )
