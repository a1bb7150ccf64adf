"""Seeds and questions that no stage may take: the file, the line or id and the remedy are said."""

import json

import pytest

from attacks import require_refusal, run, untouched
from bad_input.conftest import PYTHON, record
from builds import ROOT

pytestmark = pytest.mark.attack("bad input")
TEXT = "<__dj__image>\na cube <|__dj__eoc|>"
MEND = "mend or remove the line"
# name, the second line of the seed, words
LINES = [
    ("a line that is no JSON", '{"id": "b", "text": ', ":2: not valid JSON", MEND),
    ("a line that is cut in a string", '{"id": "b', ":2: not valid JSON", MEND),
    ("an empty line", "", ":2: not valid JSON (an empty line)", MEND),
    ("a line that is a list", "[1, 2]", ":2: a JSON object is needed, not list", "mend the line"),
    ("a line that is null", "null", ":2: a JSON object is needed, not NoneType", "mend the line"),
    ("a line nested too deep", "[" * 100_000, ":2: not valid JSON", MEND),
    ("a line with a number of 5,000 digits", '{"id": ' + "1" * 5000 + "}", ":2: not valid JSON", MEND),
    ("an id that is a number", record(7), ":2: ", "no id, or one that is not a string"),
    ("no id", {"text": TEXT, "images": ["images/b.png"]}, ":2: ", "give the record its id from the seed"),
    ("an id that stands twice", record("a"), ":2: id a: stands on line 1 already; remove one of the two", ""),
    ("an empty caption", record("b", "  "), "id b: empty caption", "write one or remove the record"),
    ("a caption of what is not printed", record("b", "\u200b"), "id b: empty caption", "remove the record"),
    ("half a character", record("b", "a \ud800"), "id b: half a character", "correct or remove"),
    ("text that is a list", {"id": "b", "text": [], "images": ["x"]}, "id b: needs 'text'", "correct or rem"),
    ("images that are text", {"id": "b", "text": TEXT, "images": "x"}, "id b: needs 'text'", "correct or"),
    ("two images", {"id": "b", "text": TEXT, "images": ["x", "y"]}, "id b: 2 images", "split or remove it"),
    ("no image", {"id": "b", "text": TEXT, "images": []}, "id b: no image", "name one image or remove"),
    ("two placeholders", record("b", "<image> x"), "id b: 1 images and 2 placeholders", "split or remove"),
    ("text after the end token", {"id": "b", "text": TEXT + " x", "images": ["x"]}, "must end in", "correct"),
    ("an absolute path", record("b", image="/etc/passwd"), "is an absolute path", "relative to the file"),
    ("a zero byte in a path", record("b", image="a\0.png"), "holds a zero byte", "correct the path"),
    ("an image that is gone", record("b", image="images/c.png"), "c.png is missing", "restore it or remove"),
    ("an image that is a folder", record("b", image="images"), "cannot be read", "restore it or remove"),
]
FILES = [
    ("a seed that is empty", b"", "no record in it; restore the file"),
    (
        "a seed in UTF-16",
        json.dumps(record()).encode("utf-16"),
        ":1: UTF-16 or UTF-32, not UTF-8; convert it",
    ),
    (
        "a seed in Latin-1",
        json.dumps(record(caption="größe"), ensure_ascii=False).encode("latin-1"),
        "not UTF-8",
    ),
    ("a seed that is a web page", b"<!DOCTYPE html>\n<html>404</html>\n", "seed.jsonl:1: not valid JSON"),
    ("a seed of zero bytes", b"\0" * 4096, "seed.jsonl:1: not valid JSON"),
]
TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cube."}]
LLAVA = {"id": "a", "image": "images/a.png", "conversations": TURNS}
LISTS = [
    ("a list that ends too early", json.dumps([LLAVA])[:-1], ":1: not valid JSON", "a list of LLaVA samples"),
    ("a list that is an object", json.dumps(LLAVA), ":1: not valid JSON ('[' is missing", "a list of LLaVA"),
    ("a list with more behind it", json.dumps([LLAVA]) + "[]", "there is more behind the list", "mend it"),
    ("an empty list", "[]", "no record in it", "restore the file"),
    ("a sample of three turns", [LLAVA | {"conversations": [*TURNS, TURNS[0]]}], "3 turns", "split it"),
    ("a sample without an answer", [LLAVA | {"conversations": TURNS[:1]}], "one human and one gpt",
     "correct"),
    ("a sample of two images", [LLAVA | {"image": ["a", "b"]}], "image must be one path", "split or remove"),
    ("a sample without an image", [LLAVA | {"image": None}], "no image", "remove the text-only sample"),
    ("a question that shows no image", [LLAVA | {"conversations": [TURNS[0] | {"value": "Q"}, TURNS[1]]}],
     "the question needs one <image>, not 0", "correct it"),
    ("a sample that is a number", [3], "a JSON object is needed, not int", "mend or remove it"),
]  # fmt: skip


def test_the_sound_seed_passes_the_check_that_the_rows_fail(seed):
    check = [PYTHON, str(ROOT / "py/check_seed.py"), "--seed", "seed.jsonl", "--output", "checked.jsonl"]
    assert run(check, seed.parent).returncode == 0
    (seed.parent / "seed.json").write_text(json.dumps([LLAVA]))
    assert run([*check, "--seed", "seed.json"], seed.parent).returncode == 0


@pytest.mark.parametrize("line, what, remedy", [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_a_bad_line_of_a_seed_is_named(seed, synth, line, what, remedy):
    second = line if isinstance(line, str) else json.dumps(line)
    seed.write_text(seed.read_text().splitlines()[0] + f"\n{second}\n")
    with untouched(seed.parent / "out"):
        require_refusal(synth(), f"{seed}:2: ", what, remedy)


@pytest.mark.parametrize("content, words", [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_seed_that_is_none_is_named(seed, synth, content, words):
    seed.write_bytes(content)
    with untouched(seed.parent / "out"):
        require_refusal(synth(), str(seed), words)


@pytest.mark.parametrize("content, what, remedy", [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_a_llava_seed_that_cannot_be_used_is_named(seed, synth, content, what, remedy):
    seed.with_suffix(".json").write_text(content if isinstance(content, str) else json.dumps(content))
    with untouched(seed.parent / "out"):
        require_refusal(synth(seed=seed.with_suffix(".json")), "seed.json", what, remedy)


STAGE1 = [
    ("an id that has no question", [LLAVA], "id b: not in stage_1.json", "STAGE1=none"),
    ("questions that are an object", {"a": 1}, "stage_1.json:1: not valid JSON", "a list of LLaVA samples"),
    ("a question that stands twice", [LLAVA, LLAVA], "id a: stands twice", "remove one of the two"),
    (
        "a question that is no text",
        [LLAVA | {"conversations": [{"from": "human", "value": 3}]}],
        "needs id",
        "mend",
    ),
    ("questions in a number", 3, "'[' is missing before '3'", "a list of LLaVA samples is needed"),
]


@pytest.mark.parametrize("content, what, remedy", [row[1:] for row in STAGE1], ids=[row[0] for row in STAGE1])
def test_questions_that_do_not_fit_stop_the_conversion(seed, content, what, remedy):
    (seed.parent / "stage_1.json").write_text(json.dumps(content))
    (seed.parent / "out/llava.json").write_text("earlier")
    command = ["--synth", "seed.jsonl", "--stage1", "stage_1.json", "--output", "out/llava.json"]
    with untouched(seed.parent / "out"):
        done = run([PYTHON, str(ROOT / "py/dj_to_llava.py"), *command], seed.parent)
        require_refusal(done, what, remedy)
