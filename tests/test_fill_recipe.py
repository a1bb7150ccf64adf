from argparse import Namespace
from pathlib import Path

import pytest
import yaml

from fill_recipe import run_config

RECIPES = Path(__file__).parents[1] / "configs" / "recipes"
VALUES = {
    "CAPTIONER": "/m/blip2",
    "SIMILARITY_MODEL": "/m/clip",
    "MATCHING_MODEL": "/m/blip",
    "BUDGET": 9,
    "RANDOM_SEED": 1,
}


def args_for(recipe, **changes):
    options = {"seed": Path("/w/seed.jsonl"), "work": Path("/w"), "np": 1, "batch_size": 5, "store": None}
    options |= {"on_bad_record": "fail", "executor": "default", "ray_address": "local"}
    return Namespace(recipe=recipe, **(options | changes))


def config_of(text, tmp_path, **changes):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(text)
    return run_config(args_for(recipe, **changes), VALUES)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_says_what_it_is_for_and_can_be_filled(recipe):
    assert recipe.read_text().startswith("# ")
    config = run_config(args_for(recipe), VALUES)
    assert config["skip_op_error"] is False and config["project_name"] == recipe.stem
    assert "${" not in yaml.safe_dump(config)


def test_a_ledger_stands_behind_every_operator_and_filters_export_their_statistics(tmp_path):
    config = config_of("process: [{x_filter: {n: '${BUDGET}'}}, {y_selector: }]", tmp_path)
    names = [next(iter(step)) for step in config["process"]]
    assert names == ["ledger_pipeline", "x_filter", "ledger_pipeline", "y_selector", "ledger_pipeline"]
    assert config["process"][1]["x_filter"] == {
        "n": 9,
        "num_proc": 0,
        "stats_export_path": "/w/stats.1.jsonl",
    }
    assert [step["ledger_pipeline"]["last"] for step in config["process"][::2]] == [False, False, True]


def test_more_processes_reach_every_operator(tmp_path):
    config = config_of("process: [{x_mapper: {}}]", tmp_path, np=3)
    assert config["np"] == 3 and config["process"][1]["x_mapper"]["num_proc"] == 3


def test_our_operators_get_the_store_the_batch_size_and_a_place_to_report(tmp_path):
    text = "process: [{blip2_caption_mapper: {}}, {threshold_selector: {top_ratio: 0.5}}, {x_mapper: {}}]"
    config = config_of(text, tmp_path, store=Path("/d/store.sqlite"))
    caption, threshold, other = (next(iter(step.values())) for step in config["process"][1::2])
    assert (caption["store"], caption["batch_size"]) == ("/d/store.sqlite", 5)
    assert threshold["report"] == "/w/report.2.json" and other == {"num_proc": 0}


def test_a_filter_of_ours_exports_its_statistics_only_if_it_has_a_limit(tmp_path):
    for arguments, exported in (("", False), ("min_value: 0.2", True)):
        text = f"process: [{{clip_image_text_similarity_filter: {{{arguments}}}}}]"
        step = config_of(text, tmp_path)["process"][1]["clip_image_text_similarity_filter"]
        assert ("stats_export_path" in step) == exported


def test_ray_and_the_treatment_of_bad_records_reach_data_juicer(tmp_path):
    config = config_of("process: [{x_mapper: {}}]", tmp_path, executor="ray", on_bad_record="drop")
    assert (config["executor_type"], config["ray_address"], config["skip_op_error"]) == ("ray", "local", True)
    assert config["process"][1]["x_mapper"]["num_proc"] == 1
