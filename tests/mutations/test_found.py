"""The smallest changes that once ended in a traceback, or in a result that nobody could write down."""

import json
import shlex
from pathlib import Path

import pytest

from errors import BadInput
from graph import marks, verify
from graph.locks import parse_owner
from graph.stages import described
from json_files import read_json, read_jsonl, read_lines
from mgm.config import read_config
from mgm.vision_tower_aux import trunk_name
from mgm.weights import read_file
from recipe_file import read_recipe, steps_in
from record_files import question_fault
from store import Model, Store, key_of

pytestmark = pytest.mark.attack("mutations")

MARK = {"knobs": {}, "inputs": {}, "reads": {}, "packages": {"roots": [], "versions": {}}}
MARK |= {"started": 1.0, "seconds": 2.0}
MARK |= {"outputs": {"digest": "d", "files": 1, "bytes": 1, "listed": True}}
LAUGHS = b"a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9)) for letter in b"bcdefgh"
)


def recipe(path: Path) -> object:
    return steps_in(read_recipe(path), path)


def trunk(path: Path) -> str:
    return trunk_name(path.parent)


def mark(path: Path) -> object:
    return marks.read(str(path.with_suffix("")))


def lines(path: Path) -> list:
    return list(read_jsonl(path))


SOUND = {
    recipe: ("r.yaml", b"process:\n- a_filter:\n- b_mapper: {x: 1}\n"),
    trunk: (
        "open_clip_config.json",
        b'{"model_cfg": {"vision_cfg": {"timm_model_name": "convnext_large.in1k"}}}',
    ),
    mark: ("s.made", json.dumps(MARK).encode()),
    lines: ("l.jsonl", b'{"a": "\\ud83d\\ude00"}\n'),
    read_json: ("f.json", b'{"a": "\\ud83d\\ude00"}'),
    read_lines: ("l.txt", "a\u2028b\r\nc\n".encode()),
}
ROWS = {
    "a recipe nested a hundred thousand deep": (recipe, b"[" * 100_000),
    "a recipe of a billion repeats": (recipe, LAUGHS),
    "a recipe with an anchor that holds itself": (recipe, b"process: &a [*a]"),
    "a recipe with a date of no calendar": (recipe, b"process: 2001-13-45"),
    "a recipe with a truth that is none": (recipe, b"process: !!bool x"),
    "a recipe with a time that is none": (recipe, b"process: !!timestamp x"),
    "a recipe with a number of 5,000 digits": (recipe, b"process: " + b"9" * 5000),
    "a recipe with a number for an operator": (recipe, b"process: [{1: {}}]"),
    "a recipe with a number for an argument": (recipe, b"process: [{a: {1: 2}}]"),
    "a trunk that timm would fetch": (trunk, SOUND[trunk][1].replace(b"convnext", b"hf-hub:x/")),
    "a trunk that is a number": (trunk, SOUND[trunk][1].replace(b'"convnext_large.in1k"', b"7")),
    "a mark that is a list": (mark, b"[]"),
    "a mark nested a hundred thousand deep": (mark, b"[" * 100_000),
    "a mark with half an entry": (mark, SOUND[mark][1].replace(b'"reads": {}', b'"reads": {"a": [1, 2]}')),
    "a mark with a list of knobs": (mark, SOUND[mark][1].replace(b'"knobs": {}', b'"knobs": []')),
    "a mark without what was made": (mark, SOUND[mark][1].replace(b'"outputs"', b'"output"')),
    "a line with half a character": (lines, b'{"a": "\\ud83d"}\n'),
    "a line with half a character for a name": (lines, b'{"\\ude00": 1}\n'),
    "a file with half a character": (read_json, b'{"a": "\\ud83d"}'),
    "a list that is not UTF-8": (read_lines, b"\xff\n"),
    "a list with a zero byte": (read_lines, b"a\n\0\n"),
}


@pytest.mark.parametrize("name", ROWS)
def test_is_refused_by_name(tmp_path, name):
    read, content = ROWS[name]
    path = tmp_path / SOUND[read][0]
    path.write_bytes(SOUND[read][1])
    assert read(path), "and the sound one is read"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=path.name):
        read(path)


def test_a_separator_within_a_line_is_no_end_of_it(tmp_path):
    (tmp_path / "l.txt").write_bytes(SOUND[read_lines][1])
    assert read_lines(tmp_path / "l.txt") == ["a\u2028b", "c"]


@pytest.mark.parametrize("content", [b"\x80\x02.", b"\x80\x02e.", b"\x80\x02)R.", b"\x80\x02u."])
def test_a_pickle_that_pytorch_stumbles_over_is_named(tmp_path, content):
    (tmp_path / "mm_projector.bin").write_bytes(content)
    with pytest.raises(BadInput, match=r"mm_projector\.bin: not a readable weight file"):
        read_file(tmp_path / "mm_projector.bin")


@pytest.mark.parametrize(
    "words", ["", "a", "run/.make/s", "run/.make/s makes", "run/.make/s makes a knobs X", "'"]
)
def test_a_description_that_is_none_is_named(words):
    with pytest.raises(BadInput, match="not the description of a stage"):
        described([f"@stage {words}"])
    assert described([f"@stage {shlex.join(['run/.make/s', 'makes', 'a', 'knobs', 'X='])}"])


def test_a_damaged_manifest_is_one_of_the_faults(tmp_path):
    (tmp_path / ".make").mkdir()
    manifest = tmp_path / ".make/s.out"
    for content in (b"\xff", b"no manifest\n", b"a b c\n"):
        manifest.write_bytes(content)
        assert "s.out" in next(verify.faults(manifest))


def test_an_owner_nested_without_end_is_nobody():
    assert parse_owner("[" * 100_000) is None


def test_half_a_character_in_a_question_is_a_fault():
    assert "half a character" in question_fault("<image>\nWhat \ud800?")
    assert question_fault("<image>\nWhat?") is None


def test_an_answer_of_the_store_that_is_no_json_is_damage(tmp_path):
    cube, key = Model("blip2", "ab12", "{}"), key_of("image")
    store = Store(tmp_path / "store.sqlite")
    store.add(cube, {key: "a cube"})
    assert store.answers(cube, [key]) == {key: "a cube"}
    store.connection.execute("UPDATE answers SET value = 'a cube'")
    with pytest.raises(BadInput, match=r"store\.sqlite: the store is damaged"):
        store.answers(cube, [key])


@pytest.mark.parametrize(
    "change",
    [
        {"num_hidden_layers": 2**31 - 1},
        {"hidden_size": 0},
        {"rms_norm_eps": float("nan")},
        {"rope_parameters": {"rope_theta": None, "rope_type": "default"}},
        {"rope_parameters": {"rope_theta": 1.0, "rope_type": "longrope"}},
        {"hidden_act": "none that is"},
        {"pad_token_id": 830},
        {"dtype": 1e308},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_configuration_that_no_model_can_have_is_named(tmp_path, standin, change):
    config = read_json(Path(standin("gemma-2b-it"), "config.json"))
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_config(tmp_path).vocab_size == 830
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(BadInput, match=r"config\.json: "):
        read_config(tmp_path)
