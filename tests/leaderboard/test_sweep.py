"""The runs of a sweep: what is there and comparable is read, of all else the reason is kept."""

import re
import shutil

import pytest

from errors import BadInput
from json_files import read_json, write_json
from leaderboard.sweep import read_sweep
from sweeps import change, change_mark, without_pretraining, write_run

SEEDS = [1, 2, 3]


@pytest.fixture
def runs(tmp_path):
    for recipe in ("seed", "mine"):
        for random_seed in SEEDS:
            write_run(tmp_path, recipe, random_seed)
    return tmp_path


def read(runs, recipes=("seed", "mine"), random_seeds=SEEDS):
    sweep = read_sweep(runs, list(recipes), list(random_seeds))
    return {recipe: [run.random_seed for run in row] for recipe, row in sweep.rows.items()}, sweep.left_out


def reads(folder, stage, path):
    change_mark(folder, stage, reads={path: [1, 1, 1, "bb", "bb"]})


def inputs(folder, **hashes):
    change(folder / "results.json", inputs=read_json(folder / "results.json")["inputs"] | hashes)


def copy(folder, random_seed):
    """A copy under another random seed's name, which results.json was made to tell."""
    to = folder.with_name(f"mine-s{random_seed}")
    shutil.rmtree(to)
    shutil.copytree(folder, to)
    change(to / "results.json", random_seed=random_seed)


def test_a_whole_sweep_is_read_in_the_order_asked_for(runs):
    rows, left_out = read(runs, ["mine", "seed"], [3, 1])
    assert list(rows.items()) == [("mine", [3, 1]), ("seed", [3, 1])]
    assert left_out == {"mine": [], "seed": []}


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda f: shutil.rmtree(f), "mine-s2: not made yet; 'make sweep' makes it"),
        (lambda f: (f / "eval/mmbench/score.json").unlink(), "mmbench/score.json: missing"),
        (lambda f: (f / "results.json").write_text('{"profile": "de'), "results.json: not valid JSON"),
        (lambda f: change(f / "results.json", random_seed=1), "is of random seed 1, not 2"),
        (lambda f: (f / ".make/finetune.made").unlink(), "finetune was begun again"),
        (
            lambda f: change(f / "results.json", profile="full"),
            "not comparable with seed-s1: profile demo → full",
        ),
        (
            lambda f: change_mark(f, "convert", inputs={"synth": "of later data"}),
            "trained on other data than",
        ),
        (lambda f: inputs(f, finetune_data="g"), "not comparable with seed-s1: another finetuning set"),
        (lambda f: reads(f, "finetune", "py/finetune.py"), "seed-s1: finetune: py/finetune.py aa → bb"),
        (
            lambda f: change_mark(f, "finetune", knobs={"FINETUNE_LEARNING_RATE": "1"}),
            "finetune: FINETUNE_LEARNING_RATE (unset) → 1",
        ),
        (
            lambda f: inputs(f, recipe="new"),
            "made otherwise than mine-s1: another version of the recipe; run",
        ),
        (lambda f: inputs(f, seed="new"), "made otherwise than mine-s1: another seed set; run 'make sweep'"),
        (
            lambda f: change_mark(f, "synth", knobs={"CAPTIONER": "blip"}),
            "made otherwise than mine-s1: CAPTIONER None → blip",
        ),
        (lambda f: without_pretraining(f), "mine-s1: another version of the recipe, PRETRAIN None → no"),
        (lambda f: copy(f.with_name("mine-s1"), 2), "a copy of mine-s1: all losses and answers are the same"),
    ],
)
def test_a_run_that_cannot_be_averaged_is_left_out_with_the_reason(runs, spoil, reason):
    spoil(runs / "mine-s2")
    rows, left_out = read(runs)
    assert rows == {"seed": [1, 2, 3], "mine": [1, 3]}
    (told,) = left_out["mine"]
    assert told["random_seed"] == 2
    assert reason in told["reason"]
    assert left_out["seed"] == []


def test_the_baselines_first_run_is_what_others_must_match_wherever_it_stands(runs):
    for random_seed in SEEDS:
        reads(runs / f"mine-s{random_seed}", "textvqa", "py/textvqa.py")
    rows, left_out = read(runs, ["mine", "seed"])
    assert rows == {"mine": [], "seed": [1, 2, 3]}
    assert [told["random_seed"] for told in left_out["mine"]] == SEEDS


def test_without_a_baseline_the_first_recipes_first_run_is(runs):
    shutil.rmtree(runs / "seed-s1")
    write_run(runs, "other", 1, profile="full")
    rows, left_out = read(runs, ["mine", "other"], [1])
    assert rows == {"mine": [1], "other": []}
    assert "not comparable with mine-s1" in left_out["other"][0]["reason"]


def test_where_no_run_can_be_used_that_is_an_error(runs):
    with pytest.raises(BadInput, match=f"{runs}: no run of seed, mine that can be used; 'make sweep'"):
        read(runs, random_seeds=[7, 8])
    with pytest.raises(BadInput, match="no run of unknown that can be used"):
        read(runs, ["unknown"])


def test_equal_answers_with_other_losses_are_no_copy(runs):
    """Two runs may answer alike, of one question say; that all losses agree, too, is no chance."""
    copy(runs / "mine-s1", 2)
    path = runs / "mine-s2/pretrain/trainer_state.json"
    log = read_json(path)["log_history"]
    log[5]["loss"] += 1e-4
    write_json(path, {"log_history": log})
    assert read(runs)[0]["mine"] == [1, 2, 3]


def test_a_copy_under_another_recipe_stays(runs):
    copy(runs / "seed-s2", 2)
    rows, left_out = read(runs)
    assert rows["mine"] == [1, 3], "a copy of the baseline is of another recipe than the row's others"
    assert "another version of the recipe" in left_out["mine"][0]["reason"]
    assert read(runs, random_seeds=[2])[0] == {"seed": [2], "mine": [2]}, "alone it is a recipe of equal data"


@pytest.mark.parametrize("shared, row", [(True, [1, 3]), (False, [1, 2, 3])])
def test_data_may_differ_among_random_seeds_unless_the_runs_share_them(runs, shared, row):
    if shared:
        for random_seed in SEEDS:
            mark = f"{runs}/mine-synth/.make/synth"
            change_mark(runs / f"mine-s{random_seed}", "convert", inputs={mark: "d"})
    inputs(runs / "mine-s2", synth="of an earlier synthesis")
    rows, left_out = read(runs)
    assert rows["mine"] == row
    assert bool(left_out["mine"]) == shared
    assert not shared or re.search("mine-s1: another synth.jsonl;", left_out["mine"][0]["reason"])


def test_rows_with_and_without_pretraining_may_be_compared(runs):
    for random_seed in SEEDS:
        without_pretraining(runs / f"mine-s{random_seed}")
    assert read(runs) == ({"seed": SEEDS, "mine": SEEDS}, {"seed": [], "mine": []})
