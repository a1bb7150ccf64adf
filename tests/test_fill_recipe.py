from pathlib import Path

import pytest
import yaml

import records
from fill_recipe import models_used, run_config

RECIPES = Path(__file__).parents[1] / "configs" / "recipes"
VALUES = {
    "CAPTIONER": "/m/blip2",
    "SIMILARITY_MODEL": "/m/clip",
    "BUDGET": 9,
    "BATCH_SIZE": 5,
    "RANDOM_SEED": 1,
}


def config_of(text, tmp_path, values=VALUES, processes=1):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(text)
    return run_config(recipe, values, Path("/w/seed.jsonl"), Path("/w"), processes)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_says_what_it_is_for_and_can_be_filled(recipe):
    assert recipe.read_text().startswith("# ")
    config = run_config(recipe, VALUES, Path("/w/seed.jsonl"), Path("/w"), 1)
    assert config["skip_op_error"] is False and config["project_name"] == recipe.stem
    assert "${" not in yaml.safe_dump(config)


def test_a_ledger_stands_behind_every_operator_and_filters_export_their_statistics(tmp_path):
    config = config_of("process: [{x_filter: {n: '${BUDGET}'}}, {y_selector: }]", tmp_path)
    names = [next(iter(step)) for step in config["process"]]
    assert names == ["ledger_mapper", "x_filter", "ledger_mapper", "y_selector", "ledger_mapper"]
    assert config["process"][1]["x_filter"] == {
        "n": 9,
        "num_proc": 0,
        "stats_export_path": "/w/stats.1.jsonl",
    }
    assert [step["ledger_mapper"]["last"] for step in config["process"][::2]] == [False, False, True]


def test_more_processes_reach_every_operator(tmp_path):
    config = config_of("process: [{x_mapper: {}}]", tmp_path, processes=3)
    assert config["np"] == 3 and config["process"][1]["x_mapper"]["num_proc"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "process: [{x_mapper: {m: '${CAPTIONER}'}}]",
            r"\$\{CAPTIONER\} has no value; give synth.sh --captioner",
        ),
        ("process: x", "'process' must be a list"),
        ("{}", "'process' must be a list"),
        ("process: [{x_mapper: [1, 2]}]", "'process' must be a list"),
        ("process: [", r"r\.yaml: not valid YAML"),
        ("skip_op_error: true\nprocess: []", "skip_op_error would drop records"),
        ("process: [{x_mapper: {a: 1, b: 2}}, {x_mapper: {a: 1}}]", "x_mapper stands twice.*give both"),
    ],
)
def test_a_recipe_that_would_go_wrong_is_refused(tmp_path, text, message):
    with pytest.raises(records.BadInput, match=message):
        config_of(text, tmp_path, {**VALUES, "CAPTIONER": None})


def test_a_model_is_asked_for_only_by_a_recipe_that_uses_it(tmp_path):
    gone = tmp_path / "gone"
    assert models_used(RECIPES / "seed.yaml", gone, gone) == {}
    with pytest.raises(
        records.BadInput, match=r"--captioner: .*gone has no config.json; make or fetch it first"
    ):
        models_used(RECIPES / "recaption.yaml", gone, gone)
