"""What is wrong with a sweep's recipes and random seeds is told in words, before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from graph.check_sweep import CONTROLS, fault

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with two recipes of its own, and recipes elsewhere."""
    monkeypatch.chdir(tmp_path)
    for path in (
        "configs/recipes/seed.yaml",
        "configs/recipes/recaption.yaml",
        "my/own.yaml",
        "other/own.yaml",
        "my/seed.yaml",
        "my/clean.yaml",
        "my/<b>bold.yaml",
        "my/two words.yaml",
        "my/-first.yaml",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("process: []\n")
    return tmp_path


@pytest.mark.parametrize(
    "profile, recipes, random_seeds, given",
    [
        ("demo", ["seed", "recaption"], ["1", "2", "3"], ["RECIPES", "RANDOM_SEEDS"]),
        ("demo", ["seed"], ["1"], []),
        ("full", ["seed", "my/own.yaml"], ["4294967295"], ["PROFILE", "FINETUNE_DATA"]),
        ("demo", ["configs/recipes/seed.yaml"], ["1024"], []),
        ("demo", ["seed", *CONTROLS], ["1"], []),
        ("10k", ["seed", "no_pretraining"], ["1"], []),
    ],
)
def test_a_sound_sweep_has_no_fault(profile, recipes, random_seeds, given):
    assert fault(profile, recipes, random_seeds, given) == ""


def test_the_path_of_a_recipe_may_be_absolute(project):
    assert fault("demo", ["seed", str(project / "my/own.yaml")], ["1"], []) == ""
    assert fault("demo", [str(project / "configs/recipes/seed.yaml")], ["1"], []) == ""


@pytest.mark.parametrize(
    "given, words",
    [
        (["RECIPE"], "RECIPE is of one run; a sweep takes RECIPES, and names its experiments itself"),
        (["RANDOM_SEED"], "RANDOM_SEED is of one run; a sweep takes RANDOM_SEEDS"),
        (["RANDOM_SEEDS", "EXP"], "EXP is of one run; a sweep takes RECIPES"),
        (["PRETRAIN"], "PRETRAIN is of one run; a sweep takes RECIPES"),
    ],
)
def test_a_knob_of_one_run_is_refused(given, words):
    assert fault("demo", ["seed"], ["1"], given).startswith(words)


@pytest.mark.parametrize("recipes, random_seeds", [([], ["1"]), (["seed"], [])])
def test_at_least_one_recipe_and_one_random_seed_are_needed(recipes, random_seeds):
    words = "RECIPES and RANDOM_SEEDS need one value each, or more"
    assert fault("demo", recipes, random_seeds, []) == words


@pytest.mark.parametrize(
    "seed", ["0", "-1", "1.5", "01", "1e3", "one", "", "1,2", "4294967296", "٣", "1٣", "9" * 5000]
)
def test_a_random_seed_is_a_whole_number_that_fits(seed):
    words = f"RANDOM_SEEDS: '{seed}' is no whole number from 1 to 4294967295"
    assert fault("demo", ["seed"], ["1", seed], []) == words


def test_a_random_seed_stands_once():
    assert fault("demo", ["seed"], ["3", "1", "3"], []) == "RANDOM_SEEDS: 3 stands 2 times; a run counts once"


@pytest.mark.parametrize(
    "profile, recipe, words",
    [
        ("demo", "sed", "sed is unknown; there are recaption, seed, or give the path of a .yaml"),
        ("demo", "<script>alert(1)</script>", "<script>alert(1)</script> is unknown; there are"),
        ("demo", "my/own", "my/own is unknown; there are"),
        ("demo", "my/none.yaml", "my/none.yaml: no such file"),
        ("demo", "my/<b>bold.yaml", "my/<b>bold.yaml: name the file by letters, digits, '.', '_' and '-'"),
        ("demo", "my/two words.yaml", "my/two words.yaml: name the file by letters"),
        ("demo", "my/-first.yaml", "my/-first.yaml: name the file by letters"),
        ("demo", "my/seed.yaml", "my/seed.yaml has the name of the project's own 'seed'; rename the file"),
        ("demo", "my/clean.yaml", "my/clean.yaml has the name of the project's own 'clean'; rename the file"),
        ("10k", "shuffled", "the control shuffled needs true captions, which only the demo has"),
        ("full", "clean", "the control clean needs true captions, which only the demo has"),
    ],
)
def test_a_recipe_that_cannot_be_swept_is_told(profile, recipe, words):
    assert fault(profile, ["seed", recipe], ["1"], []).startswith(f"RECIPES: {words}")


@pytest.mark.parametrize(
    "recipes, words",
    [
        (["my/own.yaml", "other/own.yaml"], "2 are called own"),
        (["seed", "seed"], "2 are called seed"),
        (["seed", "configs/recipes/seed.yaml"], "2 are called seed"),
    ],
)
def test_two_recipes_of_one_name_would_share_their_runs(recipes, words):
    told = f"RECIPES: {words}, and their runs would be one; rename a file"
    assert fault("demo", recipes, ["1"], []) == told


@pytest.mark.parametrize("random_seeds, printed", [(["1"], ""), (["x"], "RANDOM_SEEDS: 'x' is no whole num")])
def test_the_script_prints_the_fault_or_nothing(random_seeds, printed):
    """From the start, without the installed environment: make asks before there is one."""
    script = [
        sys.executable,
        "-I",
        ROOT / "py/graph/check_sweep.py",
        "--profile",
        "demo",
        "--recipes",
        "seed",
    ]
    done = subprocess.run(
        [*script, "--random_seeds", *random_seeds, "--given"], capture_output=True, text=True, check=True
    )
    assert done.stdout[: len(printed) or None] == printed


@pytest.mark.parametrize("control", ["shuffled", "clean"])
def test_a_control_of_the_demos_seed_does_not_go_with_another_seed(control):
    assert "is of the demo's own seed" in fault("demo", ["seed", control], ["1"], ["SEED"])
    assert fault("demo", ["seed", "no_pretraining"], ["1"], ["SEED"]) == ""
