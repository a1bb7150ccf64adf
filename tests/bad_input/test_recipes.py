"""Recipes that Data-Juicer must never see: each is refused before it starts, by file and remedy."""

import pytest

from attacks import require_refusal, untouched

pytestmark = pytest.mark.attack("bad input")
OPERATOR = "process:\n  - text_length_filter: {min_len: 1}\n"
RECIPES = [
    ("a recipe that is no YAML", "process: [", "not valid YAML", "mend it"),
    ("a recipe with a tab", "process:\n\t- a: {}\n", "not valid YAML", "mend it"),
    ("a recipe in Latin-1", b"# gr\xf6\xdfe\nprocess: []\n", "not UTF-8", "restore the file"),
    ("a recipe of zero bytes", b"\0\0\0\0", "a zero byte", "restore the file"),
    ("an empty recipe", "", "'process' must be a list of operators", "as in recaption.yaml"),
    ("a recipe that is a word", "process", "'process' must be a list of operators", "recaption.yaml"),
    ("a process that is a mapping", "process: {a: {}}", "'process' must be a list", "recaption.yaml"),
    ("an operator that is a number", "process: [3]", "'process' must be a list", "recaption.yaml"),
    ("two operators in one step", "process: [{a: {}, b: {}}]", "must be a list of operators", "recaption"),
    ("arguments in a list", "process: [{a: [1]}]", "must be a list of operators", "recaption.yaml"),
    ("a recipe that holds itself", "a: &a [*a]\nprocess: []\n", "an anchor (&) that holds itself", "mend it"),
    ("a tag that makes an object", "process: !!python/object:os.system {}", "not valid YAML", "mend it"),
    ("one operator with different arguments", OPERATOR + "  - text_length_filter: {max_len: 9}\n",
     "text_length_filter stands twice with different arguments", "give both"),
    ("errors to be skipped", "skip_op_error: true\n" + OPERATOR, "skip_op_error is set by ON_BAD_RECORD",
     "remov"),
    ("a placeholder of no meaning", "process: [{a: {b: '${NOTHING}'}}]", "${NOTHING} has no value", "give"),
    ("a captioner that is not given", "process: [{a: {b: '${CAPTIONER}'}}]", "${CAPTIONER} has no",
     "--captioner"),
]  # fmt: skip


@pytest.mark.parametrize("text, what, remedy", [row[1:] for row in RECIPES], ids=[row[0] for row in RECIPES])
def test_a_bad_recipe_is_named(seed, synth, text, what, remedy):
    recipe = seed.parent / "mine.yaml"
    recipe.write_bytes(text if isinstance(text, bytes) else text.encode())
    with untouched(seed.parent / "out"):
        require_refusal(synth(recipe=recipe), f"{recipe}:", what, remedy)


OPTIONS = [
    ("a recipe that is gone", {"recipe": "gone.yaml"}, "gone.yaml: no such file"),
    ("a seed that is gone", {"seed": "gone.jsonl"}, "gone.jsonl: no such file"),
    ("a seed that is a folder", {"seed": "images"}, "images: no such file"),
    ("no records wanted", {"budget": 0}, "--budget must be a whole number above 0, not '0'"),
    ("processes in words", {"np": "two"}, "--np must be a whole number above 0, not 'two'"),
    ("a batch below nothing", {"batch_size": -1}, "--batch_size must be a whole number above 0"),
    ("a random seed with a point", {"random_seed": "1.0"}, "--random_seed must be a whole number"),
    ("more bad records than all", {"max_bad_records": 2}, "--max_bad_records must be a share from 0 to 1"),
    ("an unknown fate", {"on_bad_record": "ignore"}, "--on_bad_record must be fail or drop"),
    ("an unknown executor", {"executor": "spark"}, "--executor must be default or ray"),
    ("an option that is none", {"caption": "x"}, "unknown option --caption (see --help)"),
]


@pytest.mark.parametrize("options, words", [row[1:] for row in OPTIONS], ids=[row[0] for row in OPTIONS])
def test_a_bad_option_of_synthesis_is_named(seed, synth, options, words):
    with untouched(seed.parent / "out"):
        require_refusal(synth(**options), words)


def test_a_captioner_s_folder_that_is_none_is_named(seed, synth):
    recipe = seed.parent / "mine.yaml"
    recipe.write_text("process: [{blip2_caption_mapper: {hf_blip2: '${CAPTIONER}'}}]")
    with untouched(seed.parent / "out"):
        done = synth(recipe=recipe, captioner="images")
        require_refusal(done, "--captioner: images has no config.json; make or fetch it first")


def test_an_interpreter_that_is_none_is_named(synth, seed):
    with untouched(seed.parent / "out"):
        require_refusal(synth(env={"PYTHON": "no-such-python"}), "no-such-python: command not found")
