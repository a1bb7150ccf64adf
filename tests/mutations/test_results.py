"""Changed results, scores, logs and leaderboards: read as they stand, or refused by name."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mutations.harness import Refusal, main_of
from submission.logs import curve_fault, read_curve
from sweep_report.sources import read_board
from sweeps import write_run

pytestmark = pytest.mark.attack("mutations")


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A sweep of two recipes, as files."""
    home = tmp_path_factory.mktemp("runs") / "demo"
    for recipe, share in (("seed", 0.3), ("mine", 0.8)):
        for number in (1, 2):
            write_run(home, recipe, number, share)
    found = files_in(home)
    shutil.rmtree(home)
    return found


READ = ["results.json", "eval/textvqa/score.json", "eval/mmbench/score.json", "eval/mmbench/answers.jsonl"]
READ += ["eval/textvqa/bm1.jsonl", "pretrain/trainer_state.json", ".make/finetune.made"]


def test_a_comparison(runs, attack):
    def act(folder):
        main_of(
            "compare_runs", "--runs", folder, "--a", "mine-s1", "--b", "seed-s1", "--json", folder / "o.json"
        )
        return json.loads((folder / "o.json").read_bytes())["scores"]

    files = {name: content for name, content in runs.items() if "-s1/" in name}
    attack(files, act, None, [f"mine-s1/{name}" for name in READ])


def test_a_leaderboard_made(runs, attack, monkeypatch):
    """A damaged run is left out by name; the others stay."""
    monkeypatch.setattr(
        "make_leaderboard.flop_per_call", lambda *_: {"captions": 1, "similarities": 1, "matches": 1}
    )

    def act(folder):
        recipes = ["--recipes", "seed", "mine", "--random_seeds", 1, 2]
        main_of("make_leaderboard", "--runs", folder, *recipes, "--output", folder / "leaderboard.json")
        main_of("show_leaderboard", folder / "leaderboard.json")
        board = json.loads((folder / "leaderboard.json").read_bytes())
        return [
            (e["recipe"], e["random_seeds"], [one["random_seed"] for one in e["left_out"]]) for e in board
        ]

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            assert all(sorted(used + left_out) == [1, 2] for _, used, left_out in value)

    attack(runs, act, check, [f"mine-s2/{name}" for name in READ])


@pytest.fixture(scope="module")
def board(runs, tmp_path_factory):
    """The leaderboard of the sweep, as a file."""
    home = tmp_path_factory.mktemp("board")
    for name, content in runs.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    from json_files import write_json
    from leaderboard.board import leaderboard
    from leaderboard.sweep import read_sweep

    calls = {"captions": 1, "similarities": 1, "matches": 1}
    write_json(home / "leaderboard.json", leaderboard(read_sweep(home, ["seed", "mine"], [1, 2]), calls))
    return (home / "leaderboard.json").read_bytes()


def test_a_leaderboard_shown(board, attack):
    attack(
        {"leaderboard.json": board}, lambda folder: main_of("show_leaderboard", folder / "leaderboard.json")
    )


def test_a_leaderboard_s_page(board, runs, attack):
    def act(folder):
        read = read_board(folder / "leaderboard.json")
        return [entry["recipe"] for entry in read.entries], sorted(read.tests)

    attack({**runs, "leaderboard.json": board}, act, None, ["leaderboard.json"])


STEP = {"samples": 60, "steps": 20, "loss": 0.5, "seconds": 6.0}
PROTOCOL = {
    "prompt": "p",
    "question_file_sha256": "ab",
    "image": "pad",
    "decoding": "greedy",
    "batch_size": 8,
}
PROTOCOL |= {"max_new_tokens": 128, "dtype": "float32"}


@pytest.fixture(scope="module")
def measured(runs):
    """What a run measured, before it is collected."""
    result = json.loads(runs["mine-s1/results.json"])
    files = {"summary.json": result["data"], "pretrain.json": STEP, "finetune.json": STEP}
    for test in ("textvqa", "mmbench"):
        files[f"{test}/score.json"] = {"accuracy": 50.0, "n": 60, "per_question": {"1": 0.5}}
        files[f"{test}/protocol.json"] = {"test": test, **PROTOCOL}
    base = json.loads(runs["seed-s1/results.json"]) | {"inputs": {}}
    files["base.json"] = base | {
        "protocol": {test: {"test": test, **PROTOCOL} for test in ("textvqa", "mmbench")}
    }
    return {name: json.dumps(value).encode() for name, value in files.items()}


def test_collecting_and_showing_results(measured, attack):
    def act(folder):
        words = ["--profile", "demo", "--experiment", "e", "--recipe", "mine", "--random_seed", 1]
        words += ["--synth_summary", folder / "summary.json", "--pretrain_summary", folder / "pretrain.json"]
        words += ["--finetune_summary", folder / "finetune.json", "--baseline", folder / "base.json"]
        words += ["--textvqa", folder / "textvqa/score.json", "--mmbench", folder / "mmbench/score.json"]
        main_of("collect_results", *words, "--output", folder / "results.json")
        main_of("show_results", folder / "results.json")
        return json.loads((folder / "results.json").read_bytes())["ratio"]

    attack(measured, act)


def test_results_shown(runs, attack):
    attack(
        {"results.json": runs["mine-s1/results.json"], ".make/synth.made": runs["mine-s1/.make/synth.made"]},
        lambda folder: main_of("show_results", folder / "results.json"),
    )


def test_the_log_of_a_training(attack):
    text = "".join(
        f"{{'loss': {3 / (n + 1):.3f}, 'grad_norm': 1.0, 'epoch': {n / 9:.2f}}}\n" for n in range(10)
    )

    def act(folder):
        with (folder / "pretrain.log").open("rb") as lines:
            curve = read_curve(lines)
        return curve, curve_fault(curve)

    def check(case, value, expected):
        assert len(value[0].losses) <= len(re.findall(rb"'loss': ", case.content, re.IGNORECASE))

    attack({"pretrain.log": text.encode()}, act, check)
