"""Tags of YAML that make objects or run code: in none of the places that read a recipe do they."""

import sys
from pathlib import Path

import pytest
import yaml

from attacks import require_refusal, run
from data_checks import recipe as checks
from errors import BadInput
from recipe_file import read_steps
from submission.solution import recipe_pieces

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]
CALLS = {
    "a call of a function": "!!python/object/apply:os.system ['touch {mark}']",
    "a new object": "!!python/object/new:os.system ['touch {mark}']",
    "a module": "!!python/module:antigravity ''",
    "a name": "!!python/name:os.system ''",
    "an object with a state": "!!python/object/apply:subprocess.Popen {{kwds: {{args: [touch, {mark}]}}}}",
    "a tag of its own": "!shell 'touch {mark}'",
    "a tuple": "!!python/tuple [1, 2]",
}
PLACES = {
    "for the whole": "{tag}",
    "for the operators": "process: {tag}",
    "for an operator": "process:\n  - {tag}",
    "for its arguments": "process:\n  - text_length_filter: {tag}",
    "deep within": "process:\n  - text_length_filter: {{min_len: [[[{{a: {tag}}}]]]}}",
    "for a key": "? {tag}\n: 1\nprocess: []",
    "behind an anchor": "a: &a {tag}\nb: *a\nprocess: []",
    "in a second document": "process: []\n---\n{tag}",
}


def recipe(folder: Path, mark: Path, place: str, call: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(place.format(tag=call.format(mark=mark)) + "\n")
    return path


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_tag_is_refused_wherever_it_stands(tmp_path, mark, call, place):
    path = recipe(tmp_path, mark, place, call)
    with pytest.raises(BadInput, match=r"own[.]yaml: not valid YAML"):
        read_steps(path)
    with pytest.raises(BadInput, match=r"own[.]yaml: not valid YAML"):
        recipe_pieces(path)
    assert not mark.exists()


def test_the_calls_are_calls(tmp_path, mark):
    path = recipe(tmp_path, mark, PLACES["deep within"], CALLS["a call of a function"])
    yaml.unsafe_load(path.read_text())
    assert mark.exists()


def test_the_checks_and_data_juicer_s_own_reading_run_no_tag(tmp_path, mark):
    """Data-Juicer gets what fill_recipe.py wrote anew, plain values alone; by itself it runs none either."""
    from data_juicer.config import init_configs

    for call in (CALLS["a call of a function"], CALLS["an object with a state"]):
        path = recipe(tmp_path, mark, PLACES["for its arguments"], call)
        assert any("not valid YAML" in message for _, message in checks.faults_of(path))
        with pytest.raises((SystemExit, Exception)):
            init_configs(["--config", str(path)])
        assert not mark.exists()


def test_a_value_that_looks_like_a_tag_is_text_and_stays_text(tmp_path, mark):
    text = f"!!python/object/apply:os.system ['touch {mark}']"
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"process": [{"text_length_filter": {"min_len": text}}]}))
    _, [step] = read_steps(path)
    written = yaml.safe_dump(step, allow_unicode=True)
    assert yaml.safe_load(written) == {"text_length_filter": {"min_len": text}} and not mark.exists()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text", [BOMB + "process: []\n", BOMB + "process: [text_length_filter: {min_len: *i}]\n"]
)
def test_aliases_that_multiply_end_within_bounds(tmp_path, text):
    """Nine to the ninth copies of one letter take 400 million places where they are written out."""
    (tmp_path / "own.yaml").write_text(text)
    (tmp_path / "seed.jsonl").write_text("{}\n")
    words = [sys.executable, str(ROOT / "py/fill_recipe.py"), "--recipe", "own.yaml", "--seed", "seed.jsonl"]
    limited = ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "-", *words, "--work", "w"]
    require_refusal(run(limited, tmp_path, timeout=30), "own.yaml", "mend it")
    assert not (tmp_path / "w").exists()


def test_operators_of_ones_own_are_code_and_the_help_says_where_it_runs():
    done = run([sys.executable, str(ROOT / "py/check_data.py"), "--help"], ROOT)
    assert "which runs them" in " ".join(done.stdout.split())
