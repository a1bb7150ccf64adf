"""Changed recipes: the form that synthesis can run, or a refusal; nothing in them is executed."""

import json
from pathlib import Path

import pytest
import yaml

from data_checks import operators, recipe
from mutations.harness import Refusal, main_of
from recipe_file import read_steps

pytestmark = pytest.mark.attack("mutations")

OWN = Path(__file__).parents[2] / "configs/recipes"


@pytest.fixture(scope="module")
def recipes():
    return {
        name: (OWN / name).read_bytes() for name in ("swap_worst.yaml", "balanced.yaml", "ocr_grounded.yaml")
    }


def test_a_recipe_filled(recipes, attack, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")

    def act_on(name):
        def act(folder):
            words = [
                word
                for flag in ("captioner", "similarity_model", "matching_model")
                for word in (f"--{flag}", model)
            ]
            where = ["--recipe", folder / name, "--seed", folder / "s.jsonl", "--work", folder / "work"]
            main_of("fill_recipe", *where, *words)
            return yaml.safe_load((folder / "work/recipe.yaml").read_bytes())

        return act

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            names = [next(iter(step)) for step in value["process"]]
            assert names[::2] == ["ledger_pipeline"] * (len(names) // 2 + 1), "a step without a ledger"
            json.dumps(value, default=str, skipkeys=True)

    name = "swap_worst.yaml"
    attack({name: recipes[name], "s.jsonl": b"{}\n{}\n"}, act_on(name), check, [name])


def test_a_recipe_checked(recipes, attack, monkeypatch):
    """Every fault is named with the file; a recipe without one can be filled."""
    plain = operators.known_operators
    usual = plain([])
    monkeypatch.setattr(operators, "known_operators", lambda own: plain(own) if own else usual)
    name = "ocr_grounded.yaml"

    def act(folder):
        found = list(recipe.faults_of(folder / name))
        if not found:
            read_steps(folder / name)
        return found

    attack({name: recipes[name]}, act)
