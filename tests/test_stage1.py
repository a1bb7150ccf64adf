"""The questions of a seed's records: from stage_1.json, from the seed itself, or official ones by id."""

import json
from collections import Counter
from pathlib import Path

import pytest

import records
import stage1
from errors import BadInput

HUMAN, GPT = {"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "a cube"}
ENTRY = {"id": "7", "conversations": [HUMAN, GPT], "image": "images/7.jpg"}


def test_stage1_gives_question_caption_and_image_by_id(tmp_path):
    path = tmp_path / "stage_1.json"
    path.write_text(json.dumps([{"id": "7", "conversations": [HUMAN, GPT], "image": "images/7.jpg"}]))
    assert stage1.read_stage1(path) == {"7": stage1.Question("<image>\nWhat?", "a cube", "images/7.jpg")}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"id": "7"}, "a list of LLaVA samples"),
        ([{"id": "7", "image": "a.jpg"}], "stage_1.json:1: id 7: needs id"),
        ([{"id": "7", "conversations": [], "image": "a.jpg"}], "stage_1.json:1: id 7: needs"),
        ([{"id": "7", "conversations": [5, 6], "image": "a.jpg"}], "stage_1.json:1: id 7: needs"),
        ([5], "stage_1.json:1: needs id"),
        (
            [{"id": "7", "conversations": [{"from": "human"}, GPT], "image": "a.jpg"}],
            "stage_1.json:1: id 7: needs",
        ),
        (
            [{"id": "7", "conversations": [HUMAN, {"from": "gpt"}], "image": "a.jpg"}],
            "stage_1.json:1: id 7: needs",
        ),
        ([ENTRY, ENTRY], "stage_1.json:1: id 7: stands twice"),
        ([ENTRY, {"id": None}], "stage_1.json:1: entry 2: needs"),
        ([ENTRY | {"conversations": [{"from": "human", "value": "What?"}, GPT]}], "needs one <image>, not 0"),
    ],
)
def test_an_unusable_stage1_is_named(tmp_path, entries, message):
    path = tmp_path / "stage_1.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(BadInput, match=message):
        stage1.read_stage1(path)


def test_the_official_question_depends_on_the_id_alone_and_all_are_asked():
    ids = [f"{n:09d}" for n in range(2000)]
    asked = Counter(stage1.question_for(identity) for identity in ids)
    assert set(asked) == {f"<image>\n{question}" for question in stage1.ASKED} and min(asked.values()) > 120
    assert (
        stage1.question_for("001948799")
        == stage1.question_for("001948799")
        == "<image>\nWhat is in the photo?"
    )


def test_a_llava_seed_brings_its_own_questions_unless_official_ones_are_asked_for(tmp_path):
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([ENTRY, {"id": "8"}]))
    assert stage1.questions_of(seed, seed) == {
        "7": stage1.Question("<image>\nWhat?", "a cube", "images/7.jpg")
    }
    assert stage1.questions_of(seed, Path("none"))["7"].human == stage1.question_for("7")


def test_a_data_juicer_seed_gets_official_questions(tmp_path):
    seed = tmp_path / "seed.jsonl"
    seed.write_text(json.dumps({"id": "7", "text": records.text_of("a cube"), "images": ["images/7.jpg"]}))
    assert stage1.questions_of(seed, Path("none")) == {
        "7": stage1.Question(stage1.question_for("7"), "a cube", "images/7.jpg")
    }
