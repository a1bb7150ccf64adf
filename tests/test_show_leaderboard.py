"""What a person reads of a leaderboard: the file's own verdicts, what would decide open ones, what next."""

import subprocess
import sys
from pathlib import Path

import pytest

import show_leaderboard
from errors import BadInput
from json_files import write_json
from leaderboard.board import leaderboard
from leaderboard.board_words import explanations, next_steps
from leaderboard.sweep import read_sweep
from sweeps import write_run

ROOT = Path(__file__).resolve().parents[1]


def told(verdict="better", **fields):
    """A difference to the baseline, as leaderboard.json has it."""
    known = {"difference": 12.0, "ci95": [4.0, 20.0], "p_better": 0.999, "p_corrected": 0.002}
    known |= {"scatter": "runs and questions", "more_seeds": None, "more_minutes": None}
    return known | {"verdict": verdict} | fields


def entry(recipe, overall=None, textvqa=None, mmbench=None, **fields):
    """An entry of leaderboard.json; without differences the baseline's."""
    test = {"accuracy": 61.25, "ci95": [57.0, 65.0], "runs": [60.0, 62.5], "n": 400}
    ratio = {"mean": 1.4, "ci95": [1.2, 1.6]} if overall else {"mean": 1.0, "ci95": None}
    return {
        "recipe": recipe,
        "random_seeds": [1, 2],
        "experiments": [f"{recipe}-s1", f"{recipe}-s2"],
        "ratio": ratio,
        "vs_baseline": overall,
        "textvqa": test | {"vs_baseline": textvqa},
        "mmbench": test | {"accuracy": 40.0, "ci95": [36.0, 44.0], "vs_baseline": mmbench},
        "data": {"seed": 6000},
        "inputs": {},
        "same_data_as": [],
        "cost": {},
        "left_out": [],
    } | fields


def judged(recipe, **fields):
    return entry(recipe, told(), told(), told("worse"), **fields)


UNDECIDED = {"difference": 1.2, "ci95": [-0.4, 2.8]}


def printed(monkeypatch, capsys, path, *more):
    monkeypatch.setattr(sys, "argv", ["show_leaderboard.py", str(path), *more])
    show_leaderboard.main()
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.splitlines() if "make sweep" not in line)
    return " ".join(text.split())


def test_every_score_and_verdict_of_the_file_is_printed(tmp_path, monkeypatch, capsys):
    board = [entry("mine", told(), told("worse"), told("undecided", **UNDECIDED)), entry("seed")]
    write_json(tmp_path / "demo" / "leaderboard.json", board)
    text = printed(monkeypatch, capsys, tmp_path / "demo" / "leaderboard.json")
    for part in (
        "Leaderboard of demo, best first",
        "│ mine │ 2 │ 1.40 [1.20, 1.60] │ 61.2 [57.0, 65.0] │ 40.0 [36.0, 44.0] │ better │",
        "│ │ │ │ worse │ undecided │ │",
        "│ seed │ 2 │ 1.00 │ 61.2 [57.0, 65.0] │ 40.0 [36.0, 44.0] │ baseline │",
        "corrected (Holm) for 3 comparisons with 'seed'",
        "make compare A=mine B=seed",
    ):
        assert part in text
    assert "*" not in text
    assert "make sweep" not in text, "no number of seeds would do, and no run is missing"


def test_without_a_baseline_nothing_is_called_better_or_worse(tmp_path, monkeypatch, capsys):
    write_json(tmp_path / "leaderboard.json", [entry("a", ratio=None), entry("b", ratio=None)])
    text = printed(monkeypatch, capsys, tmp_path / "leaderboard.json")
    assert "│ a │ 2 │ – │ 61.2" in text
    assert "No verdicts: no run of the baseline 'seed' is there; 'make sweep' makes it." in text
    assert not {"better", "worse", "undecided"} & set(text.split())
    assert "'seed' is alone" in " ".join(explanations([entry("seed")]))


@pytest.mark.parametrize(
    "fields, words",
    [
        (
            {"more_seeds": 3, "more_minutes": 25.0},
            "3 more random seeds of each, which take 25 min, would find",
        ),
        ({"more_seeds": 1, "more_minutes": None}, "1 more random seed of each, would find"),
        ({}, "at this scatter no number of random seeds would do; more questions would be needed"),
        ({"scatter": "questions"}, "the scatter between runs is unknown, at least 2 random seeds of each"),
    ],
)
def test_an_open_verdict_says_what_would_decide_it(fields, words):
    open_one = told("undecided", **UNDECIDED, **fields)
    lines = explanations([entry("mine", open_one, open_one, told())])
    shown = [line for line in lines if line.startswith("mine, ")]
    assert [line.partition(";")[0] for line in shown] == [
        "mine, TextVQA +1.2 [-0.4, +2.8] points",
        "mine, overall +1.20 [-0.40, +2.80] of the score",
    ]
    assert all(words in line for line in shown)


def test_a_verdict_of_one_run_is_marked(tmp_path, monkeypatch, capsys):
    one = told(scatter="questions")
    write_json(tmp_path / "leaderboard.json", [entry("mine", one, one, one, random_seeds=[7])])
    text = printed(monkeypatch, capsys, tmp_path / "leaderboard.json")
    assert "│ better* │" in text
    assert "* One run: only the questions' scatter is known" in text
    assert "at least 2 random seeds" in text


def undecided(more_seeds, **fields):
    return told("undecided", more_seeds=more_seeds, **fields)


@pytest.mark.parametrize(
    "overall, textvqa, seeds, left_out, sweep",
    [
        (told(), told(), ([1, 2], [1, 2]), [], None),
        (undecided(2), told(), ([1, 2], [1, 2]), [], "1 2 3 4"),
        (undecided(5), undecided(1), ([1, 2], [1, 2]), [], "1 2 3"),
        (undecided(900), told(), ([1, 2], [1, 2]), [], None),
        (undecided(None), told(), ([1, 2], [1, 2]), [], None),
        (told(), told(), ([1, 2], [1, 2]), [4], "1 2 4"),
        (told(), told(), ([1, 3], [1, 2]), [], "1 2 3"),
        (told(scatter="questions"), told(), ([7], [7]), [], "7 8 9"),
        (told(scatter="questions"), told(), ([7], [7, 8]), [8], "7 8"),
    ],
)
def test_the_next_sweep_adds_what_is_missing_or_would_decide_first(overall, textvqa, seeds, left_out, sweep):
    missing = [{"random_seed": seed, "reason": "not made yet"} for seed in left_out]
    mine = entry("mine", overall, textvqa, told(), random_seeds=seeds[0], left_out=missing)
    steps = next_steps([mine, entry("seed", random_seeds=seeds[1])], "demo", "")
    others = ["make compare A=mine B=seed"]
    assert steps == ([f'make sweep RANDOM_SEEDS="{sweep}"'] if sweep else []) + others


def test_commands_carry_profile_and_knobs_and_quote_names():
    board = [judged("a b", left_out=[{"random_seed": 2, "reason": "r"}], random_seeds=[1]), entry("seed")]
    assert next_steps(board, "10k", "RECIPES='a b.yaml'") == [
        "make sweep PROFILE=10k RECIPES='a b.yaml' RANDOM_SEEDS=\"1 2\"",
        "make compare PROFILE=10k A='a b' B=seed",
    ]
    assert next_steps([entry("seed")], "demo", "") == [], "one recipe is not compared"


def test_recipes_of_the_same_data_and_runs_left_out_are_named():
    board = [judged(name, same_data_as=[o for o in "abc" if o != name]) for name in "abc"] + [entry("seed")]
    board[1]["left_out"] = [{"random_seed": 3, "reason": "not comparable with seed-s1: torch 2 → 3"}]
    lines = explanations(board)
    assert [line for line in lines if "same data" in line] == ["a was trained on the same data as b, c."]
    assert "Left out: b, random seed 3: not comparable with seed-s1: torch 2 → 3" in lines
    assert not [
        line for line in explanations([judged("a"), entry("seed")]) if "same data" in line or "Left" in line
    ]


def test_a_name_with_markup_is_printed_as_it_is(tmp_path, monkeypatch, capsys):
    open_one = told("undecided")
    board = [entry("[red]<b>x", open_one, open_one, open_one, same_data_as=["[/]"]), entry("seed")]
    write_json(tmp_path / "leaderboard.json", board)
    text = printed(monkeypatch, capsys, tmp_path / "leaderboard.json")
    assert "│ [red]<b>x │" in text
    assert "[red]<b>x, TextVQA" in text
    assert "same data as [/]." in text
    assert "make compare PROFILE=" in text
    assert "A='[red]<b>x'" in text


def test_a_leaderboard_of_runs_is_printed(tmp_path, monkeypatch, capsys):
    for name, share in (("seed", 0.3), ("mine", 0.9)):
        for seed in (1, 2, 3):
            write_run(tmp_path, name, seed, share)
    board = leaderboard(read_sweep(tmp_path, ["seed", "mine"], [1, 2, 3]), {})
    write_json(tmp_path / "leaderboard.json", board)
    text = printed(monkeypatch, capsys, tmp_path / "leaderboard.json")
    verdicts = [
        found["vs_baseline"]["verdict"] for found in (board[0], board[0]["textvqa"], board[0]["mmbench"])
    ]
    assert [text.count(word) for word in ("better", "worse", "undecided")] == [
        verdicts.count(word) for word in ("better", "worse", "undecided")
    ]
    assert f"{board[0]['ratio']['mean']:.2f} [" in text


@pytest.mark.parametrize("value", [[], {}, [1], "text", [{"recipe": "a"}], [judged("a") | {"ratio": 3}]])
def test_what_is_no_leaderboard_is_refused_before_anything_is_printed(tmp_path, monkeypatch, capsys, value):
    write_json(tmp_path / "leaderboard.json", value)
    with pytest.raises(BadInput, match=r"leaderboard.json: not a leaderboard .*'make leaderboard'"):
        printed(monkeypatch, capsys, tmp_path / "leaderboard.json")
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_one_line_and_a_status(tmp_path):
    command = [sys.executable, ROOT / "py" / "show_leaderboard.py", tmp_path / "leaderboard.json"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    words = "no such file; 'make leaderboard' makes it"
    assert ended.stderr == f"show_leaderboard.py: {tmp_path}/leaderboard.json: {words}\n"
