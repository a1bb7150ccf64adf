from pathlib import Path

import pytest

from errors import BadInput
from placeholders import filled, models_used

RECIPES = Path(__file__).parents[1] / "configs" / "recipes"


def test_what_is_one_placeholder_becomes_its_value_and_another_string_holds_it():
    steps = [{"x_mapper": {"n": "${BUDGET}", "path": ["${CAPTIONER}/config.json"], "left": 1.5}}]
    values = {"BUDGET": 9, "CAPTIONER": "/m/blip2"}
    assert filled(steps, values, Path("r.yaml")) == [
        {"x_mapper": {"n": 9, "path": ["/m/blip2/config.json"], "left": 1.5}}
    ]


def test_a_placeholder_without_a_value_is_refused():
    with pytest.raises(BadInput, match=r"\$\{CAPTIONER\} has no value; give synth.sh --captioner"):
        filled([{"x_mapper": {"m": "${CAPTIONER}"}}], {"CAPTIONER": None}, Path("r.yaml"))


def test_a_model_is_asked_for_only_by_a_recipe_that_uses_it(tmp_path):
    gone = {"CAPTIONER": tmp_path / "gone", "SIMILARITY_MODEL": tmp_path / "gone"}
    assert models_used(RECIPES / "seed.yaml", gone) == {}
    with pytest.raises(BadInput, match=r"--captioner: .*gone has no config.json; make or fetch it first"):
        models_used(RECIPES / "recaption.yaml", gone)
