"""Recipes before they run: form, operators, parameters, thresholds, models."""

from pathlib import Path

import pytest

from data_checks.recipe import check_recipe

RECIPES = sorted((Path(__file__).parents[2] / "configs/recipes").glob("*.yaml"))
STEPS = [
    (
        "text_lenth_filter: {}",
        "text_lenth_filter is no operator of Data-Juicer 1.6.1 or py/ops; did you mean text_length_filter?",
    ),
    ("text_length_filter: {min_lenn: 5}", "has no parameter 'min_lenn'; did you mean min_len?"),
    ("text_length_filter: {min_len: [5]}", "min_len cannot be [5]"),
    ("text_length_filter: {min_len: 50, max_len: 5}", "min_len 50 is above max_len 5"),
    ("alphanumeric_filter: {min_ratio: 25}", "min_ratio 25 is no share from 0 to 1"),
    ("threshold_selector: {field_key: a, top_ratio: 1.5}", "top_ratio 1.5 is no share from 0 to 1"),
    ("threshold_selector: {field_key: a}", "give one of min_value, top_ratio and top_count"),
    (
        "blip2_caption_mapper: {hf_blip2: Salesforce/blip2-opt-2.7b}",
        "hf_blip2 'Salesforce/blip2-opt-2.7b' is no folder",
    ),
    ("image_text_similarity_filter: {min_score: 0.2}", "hf_clip 'openai/clip-vit-base-patch32' is no folder"),
    (
        "blip2_caption_mapper: {hf_blip2: '${CAPTIONIST}'}",
        "${CAPTIONIST} is no placeholder; there are ${CAPTIONER}",
    ),
    ("llm_extract_mapper: {}", "required"),
    ("[text_length_filter]", "'process' must be a list of operators"),
]


def recipe(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("step", "words"), STEPS)
def test_a_faulty_step_is_named(tmp_path, found, step, words):
    path = recipe(tmp_path, f"process:\n  - watermark_filter:\n  - {step}\n")
    findings = found(check_recipe, path, after=None)
    named = [finding for finding in findings if words in finding["message"]]
    assert len(named) == 1 and named[0]["line"] == (None if "must be a list" in words else 3), findings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("process: [", "not valid YAML"),
        (
            'process: !!python/object/apply:os.system ["id"]',
            "not valid YAML (could not determine a constructor",
        ),
        ("process: {}", "'process' must be a list"),
        ("just words", "'process' must be a list"),
        ("skip_op_error: true\nprocess: []", "skip_op_error is set by ON_BAD_RECORD"),
        ("custom_operator_paths: [gone.py]\nprocess: []", "gone.py' is neither a file nor a directory"),
        ("custom_operator_paths: gone.py\nprocess: []", "custom_operator_paths must be a list of paths"),
        (
            "process:\n  - text_length_filter: {min_len: 5}\n  - text_length_filter: {max_len: 90}\n",
            "text_length_filter stands twice with different arguments",
        ),
    ],
)
def test_a_faulty_recipe_is_named(tmp_path, found, text, words):
    findings = found(check_recipe, recipe(tmp_path, text), after=None)
    assert [words in finding["message"] for finding in findings] == [True]


def test_faults_of_all_steps_are_named_at_once(tmp_path, found):
    text = "skip_op_error: true\nprocess:\n" + "".join(f"  - {step}\n" for step, _ in STEPS)
    findings = found(check_recipe, recipe(tmp_path, text), after=None)
    for _, words in STEPS:
        assert any(words in finding["message"] for finding in findings), words
    assert any("skip_op_error" in finding["message"] for finding in findings)


def test_nothing_is_said_of_the_recipes_that_are_there_nor_of_parameters_of_all_operators(tmp_path, found):
    own = recipe(tmp_path, "process:\n  - text_length_filter: {min_len: 5, batch_size: 7, num_proc: 2}\n")
    for path in [*RECIPES, own]:
        assert found(check_recipe, path, after=None) == [], path
    assert RECIPES


def test_an_operator_of_ones_own_is_known(tmp_path, found):
    (tmp_path / "shout_of_a_test.py").write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        "@OPERATORS.register_module('shout_of_a_test_mapper')\n"
        "class Shout(Mapper):\n"
        "    def __init__(self, times: int = 1, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
    )
    head = "custom_operator_paths: [shout_of_a_test.py]\nprocess:\n  - shout_of_a_test_mapper: "
    (finding,) = found(check_recipe, recipe(tmp_path, head + "{tims: 2}\n"), after=None)
    assert "has no parameter 'tims'; did you mean times?" in finding["message"]
