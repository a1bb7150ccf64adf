import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "configs" / "recipes"


@pytest.fixture
def run(tmp_path, forks):
    """A function that runs a script of scripts/ on a store in tmp_path."""

    def run(script, *options):
        command = [ROOT / "scripts" / script, "--store", tmp_path / "store.sqlite", *options]
        env = os.environ | {"PYTHON": str(forks.python), "OMP_NUM_THREADS": "1", "COLUMNS": "150"}
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env)

    return run


def test_the_store_shows_what_it_holds_what_a_recipe_lacks_and_forgets_a_model(
    world_seed, standin, run, tmp_path
):
    seed = world_seed(10)
    models = [
        "--captioner",
        standin("blip2-opt-2.7b"),
        "--similarity_model",
        standin("clip-vit-large-patch14-336"),
    ]
    about = ["--recipe", RECIPES / "balanced.yaml", "--seed", seed, *models]
    assert "nothing is stored yet" in run("store.sh", *about).stdout

    part = tmp_path / "world/part.jsonl"
    part.write_text("".join(seed.read_text().splitlines(keepends=True)[:6]))
    files = ["--output", tmp_path / "run/synth.jsonl", "--ledger", tmp_path / "run/ledger.jsonl"]
    made = run("synth.sh", "--recipe", RECIPES / "recaption.yaml", "--seed", part, *files, *models)
    assert made.returncode == 0, made.stderr

    shown = run("store.sh", *about)
    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["blip2_caption_mapper", "4", "10"] in lines, shown.stdout
    assert ["clip_image_text_similarity_filter", "10", "10"] in lines, "of captions still to be made, too"
    assert ["clip_cluster_mapper", "10", "10"] in lines
    assert any(words[:1] == ["blip2-opt-2.7b"] and "6" in words for words in lines)

    pruned = run("store.sh", "--prune", "blip2-opt-2.7b")
    assert "blip2-opt-2.7b: 6 answers forgotten" in pruned.stdout
    wrong = run("store.sh", "--prune", "blip3")
    assert wrong.returncode == 1
    assert "has no model 'blip3'; there are: pillow" in wrong.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--colour"], "unknown option --colour"), (["--prune"], "--prune needs a value")],
)
def test_wrong_usage_is_refused(run, options, message):
    done = run("store.sh", *options)
    assert done.returncode == 1 and message in done.stderr


def test_help_shows_usage_and_an_example(run):
    done = run("store.sh", "--help")
    assert "usage: store.sh" in done.stdout and "example: scripts/store.sh" in done.stdout
