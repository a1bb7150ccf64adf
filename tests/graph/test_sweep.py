"""A sweep as one graph: work shared once, killed and gone on, what is missing told, slips refused."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from builds import Build, build_once, stages_in, wait_for_start
from forks import Forks

pytestmark = pytest.mark.slow
TWIN = "own/twin.yaml"
SWEEP = {"SAVE_STEPS": "2", "RECIPES": f"seed {TWIN}", "RANDOM_SEEDS": "1 2"}
RUNS = [f"{recipe}-s{seed}" for seed in (1, 2) for recipe in ("seed", "twin")]


@pytest.fixture(scope="module")
def swept(pristine: Build, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, str]:
    """A sweep over `seed` and a copy of it, killed on the way; and all that its makes printed."""
    knobs = {name: value for name, value in pristine.knobs.items() if name not in ("RECIPE", "BASELINE_EXP")}

    def make(folder: Path) -> None:
        build = pristine.copy(folder)
        build.knobs = knobs | SWEEP
        (build.folder / TWIN).parent.mkdir()
        shutil.copy(build.folder / "configs/recipes/seed.yaml", build.folder / TWIN)
        first = build.start("sweep")
        wait_for_start(build, "finetune")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        before = (build.folder / "make.log").read_text()
        build.fork_from(forks)
        (build.folder / "printed").write_text(before + build.make("sweep").stdout)

    shared = build_once(tmp_path_factory, "swept", make)
    build = Build(tmp_path_factory.mktemp("sweep") / "project", knobs | SWEEP)
    shutil.copytree(shared.folder, build.folder, symlinks=True)
    build.fork_from(forks)
    return build, (build.folder / "printed").read_text()


def board_of(build: Build) -> dict[str, dict]:
    entries = json.loads((build.folder / "runs/demo/leaderboard.json").read_text())
    return {entry["recipe"]: entry for entry in entries}


def test_a_killed_sweep_goes_on_and_ends_with_every_run(swept):
    build, _ = swept
    for name in RUNS:
        result = json.loads((build.run(name) / "results.json").read_text())
        assert result["random_seed"] == int(name[-1]), name
    assert (build.folder / "runs/demo/report.html").stat().st_size > 10_000
    assert [entry["random_seeds"] for entry in board_of(build).values()] == [[1, 2], [1, 2]]


def test_synthesis_that_reads_no_random_seed_is_done_once_for_all_runs(swept):
    build, printed = swept
    for recipe in ("seed", "twin"):
        assert len(re.findall(rf"{recipe}-synth synth\] starts", printed)) == 1
        assert not (build.run(f"{recipe}-s1") / "synth.jsonl").exists()
        data = {(build.run(f"{recipe}-s{seed}") / "results.json").read_text() for seed in (1, 2)}
        assert len({json.loads(text)["inputs"]["synth"] for text in data}) == 1


def test_its_progress_tells_the_runs_to_make_and_those_made(swept):
    _, printed = swept
    assert re.search(r"^\[sweep\] \d+ runs to make", printed, re.MULTILINE)
    assert re.search(r"^\[sweep\] (\d) of \1 runs made in \d", printed, re.MULTILINE)


def test_two_names_of_one_recipe_are_undecided_and_told_to_be_the_same_data(swept):
    build, _ = swept
    twin = board_of(build)["twin"]
    assert twin["same_data_as"] == ["seed"]
    assert {twin[place]["vs_baseline"]["verdict"] for place in ("textvqa", "mmbench")} == {"undecided"}
    assert twin["textvqa"]["vs_baseline"]["difference"] == 0


def test_a_second_sweep_has_nothing_to_do_and_one_more_seed_adds_its_runs_alone(swept):
    build, _ = swept
    assert stages_in(build.make("sweep").stdout) == set()
    plan = build.make("plan", GOAL="sweep", RANDOM_SEEDS="1 2 3").stdout
    run = {re.match(r"run runs/demo/([\w.-]+)", line)[1] for line in plan.splitlines()}
    assert run == {"seed-s3", "twin-s3", "leaderboard.json", "report.html"}


def test_a_leaderboard_trains_nothing_and_tells_what_is_missing(swept, tmp_path):
    build = swept[0].copy(tmp_path / "project")
    done = build.make("leaderboard", RANDOM_SEEDS="1 2 3")
    assert stages_in(done.stdout) == {"leaderboard", "report"}
    assert "Left out: seed, random seed 3: runs/demo/seed-s3: not made yet" in done.stdout
    assert stages_in(build.make("report", RANDOM_SEEDS="1 2 3").stdout) == set()


def test_a_run_of_other_knobs_is_left_out_by_name(swept, tmp_path):
    build = swept[0].copy(tmp_path / "project")
    knobs = {"RECIPES": "seed", "RANDOM_SEEDS": "2", "FINETUNE_LEARNING_RATE": "5e-4"}
    assert "finetune" in stages_in(build.make("sweep", **knobs).stdout)
    done = build.make("leaderboard")
    assert "FINETUNE_LEARNING_RATE 1e-3 → 5e-4" in " ".join(done.stdout.split())
    assert board_of(build)["seed"]["random_seeds"] == [1]


def test_compare_takes_the_recipes_of_a_sweep(swept):
    build, _ = swept
    printed = build.make("compare", A="twin", B="seed").stdout
    assert "undecided" in printed and "random seeds 1, 2" in printed


@pytest.mark.parametrize(
    ("goal", "knobs", "words"),
    [
        ("sweep", {"RECIPES": "sede"}, "RECIPES: sede is unknown; there are balanced"),
        ("sweep", {"RECIPES": "own/none.yaml"}, "own/none.yaml: no such file"),
        ("sweep", {"RANDOM_SEEDS": "1 2 1"}, "1 stands 2 times"),
        ("sweep", {"RANDOM_SEED": "3"}, "RANDOM_SEED is of one run; a sweep takes RANDOM_SEEDS"),
        ("sweep", {"EXP": "mine"}, "EXP is of one run"),
        ("leaderboard", {"RANDOM_SEEDS": "7"}, "no run of seed twin with random seeds 7"),
        ("compare", {"A": "seed", "B": "sedd"}, "sedd"),
    ],
)
def test_slips_of_the_pen_run_nothing(swept, goal, knobs, words):
    build, _ = swept
    done = build.make(goal, check=False, **knobs)
    assert done.returncode != 0 and words in done.stderr
    assert "Traceback" not in done.stderr and stages_in(done.stdout) == set()
