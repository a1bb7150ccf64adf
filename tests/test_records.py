import json

import pytest

import records

GOOD = {"id": "7", "text": "<__dj__image>\na red cube <|__dj__eoc|>", "images": ["images/7.jpg"]}


def written(tmp_path, *lines):
    path = tmp_path / "seed.jsonl"
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return path


def test_both_placeholders_are_read_and_one_is_written(tmp_path):
    other = {**GOOD, "id": "8", "text": GOOD["text"].replace("<__dj__image>", "<image>")}
    rows = list(records.read_records(written(tmp_path, GOOD, other)))
    assert [row.text for row in rows] == [GOOD["text"]] * 2
    assert rows[1] == records.Record(2, "8", GOOD["text"], "images/7.jpg")


@pytest.mark.parametrize("caption", ["a red cube", "größer – 猫 \u2028 \U0001f600", '{"quoted"}', "a  b"])
def test_a_caption_survives_the_way_into_a_text_and_back(caption):
    assert records.caption_of(records.text_of(caption)) == caption


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "7", ', "not valid JSON"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[1]", "a JSON object is needed"),
        ({**GOOD, "id": None}, "no id"),
        ({**GOOD, "id": 7}, "no id"),
        (
            {**GOOD, "text": "<__dj__image>\n <|__dj__eoc|>"},
            "id 7: empty caption; write one or remove the record",
        ),
        ({**GOOD, "images": []}, "id 7: no image; name one"),
        ({**GOOD, "images": ["a.jpg", "b.jpg"]}, "id 7: 2 images and 1 placeholders"),
        ({**GOOD, "text": "<__dj__image><image> two"}, "id 7: 1 images and 2 placeholders"),
        ({**GOOD, "text": "no placeholder"}, "id 7: 1 images and 0 placeholders"),
        ({**GOOD, "text": 5}, "id 7: needs 'text'"),
        ({"id": "7"}, "id 7: needs 'text'"),
        (b'{"id": "7", "text": "<image>\\ud800", "images": ["a"]}', "id 7: half a character"),
        ({**GOOD, "id": "6"}, "id 6: stands on line 1 already; remove one of the two"),
    ],
)
def test_a_bad_line_is_named_with_file_line_id_and_remedy(tmp_path, line, message):
    path = written(tmp_path, {**GOOD, "id": "6"}, line)
    with pytest.raises(records.BadInput) as error:
        list(records.read_records(path))
    assert str(error.value).startswith(f"{path}:2: ") and message in str(error.value)


def test_an_id_may_stand_again_where_repeats_are_allowed(tmp_path):
    path = written(tmp_path, GOOD, GOOD)
    assert len(list(records.read_records(path, unique=False))) == 2


def test_an_empty_file_is_no_seed(tmp_path):
    with pytest.raises(records.BadInput, match="no record"):
        list(records.read_records(written(tmp_path)))


def test_all_problems_come_at_once_the_first_twenty_in_full(tmp_path):
    path = written(tmp_path, *[{**GOOD, "id": str(n), "images": []} for n in range(33)])
    with pytest.raises(records.BadInput) as error:
        list(records.read_records(path))
    lines = str(error.value).split("\n")
    assert len(lines) == 21 and lines[19].startswith(f"{path}:20: ") and lines[20] == "… and 13 more problems"


HUMAN, GPT = {"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "a cube"}


def test_stage1_gives_question_caption_and_image_by_id(tmp_path):
    path = tmp_path / "stage_1.json"
    path.write_text(json.dumps([{"id": "7", "conversations": [HUMAN, GPT], "image": "images/7.jpg"}]))
    assert records.read_stage1(path) == {"7": records.Question("<image>\nWhat?", "a cube", "images/7.jpg")}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"id": "7"}, "a list of LLaVA samples"),
        ([{"id": "7", "image": "a.jpg"}], "entry 1: id None"),
        ([{"id": "7", "conversations": [], "image": "a.jpg"}], "entry 1: id 7: needs"),
        ([{"id": "7", "conversations": [5, 6], "image": "a.jpg"}], "entry 1: id 7: needs"),
        ([5], "entry 1: id None"),
        ([{"id": "7", "conversations": [{"from": "human"}, GPT], "image": "a.jpg"}], "entry 1: id 7: needs"),
        ([{"id": "7", "conversations": [HUMAN, {"from": "gpt"}], "image": "a.jpg"}], "entry 1: id 7: needs"),
    ],
)
def test_an_unusable_stage1_is_named(tmp_path, entries, message):
    path = tmp_path / "stage_1.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(records.BadInput, match=message):
        records.read_stage1(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")

    def lines():
        yield {"id": "1"}
        raise records.BadInput("stop")

    with pytest.raises(records.BadInput):
        records.write_jsonl(path, lines())
    assert path.read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]
