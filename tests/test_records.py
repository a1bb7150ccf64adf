import json

import pytest

import records
from errors import BadInput
from json_files import read_json, read_list, write_jsonl

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
        ({**GOOD, "text": "<image> a cube"}, "id 7: the text must end in <|__dj__eoc|>"),
        ({**GOOD, "images": ["/a.jpg"]}, "id 7: image '/a.jpg' is an absolute path"),
    ],
)
def test_a_bad_line_is_named_with_file_line_id_and_remedy(tmp_path, line, message):
    path = written(tmp_path, {**GOOD, "id": "6"}, line)
    with pytest.raises(BadInput) as error:
        list(records.read_records(path))
    assert str(error.value).startswith(f"{path}:2: ") and message in str(error.value)


def test_a_synth_file_may_repeat_an_id_and_need_not_be_written_as_a_seed(tmp_path):
    path = written(tmp_path, GOOD, GOOD, {**GOOD, "text": "<image> a cube", "images": ["/a.jpg"]})
    assert len(list(records.read_records(path, unique=False))) == 3


def test_a_byte_order_mark_is_passed_over_and_another_encoding_refused(tmp_path):
    path = tmp_path / "seed.jsonl"
    path.write_text(json.dumps(GOOD) + "\n", encoding="utf-8-sig")
    assert [row.id for row in records.read_records(path)] == ["7"]
    path.write_text(json.dumps([GOOD]), encoding="utf-8-sig")
    assert read_json(path) == [GOOD] == [entry for _, entry in read_list(path)]
    path.write_text(json.dumps(GOOD) + "\n", encoding="utf-16")
    with pytest.raises(BadInput, match="UTF-16 or UTF-32, not UTF-8; convert it: iconv"):
        list(records.read_records(path))


def test_both_formats_give_the_same_records(tmp_path):
    texts = {"7": "a red cube", "8": "größer \u2028 猫", "9": '"quoted"'}
    rows = [{"id": i, "text": records.text_of(text), "images": [f"{i}.jpg"]} for i, text in texts.items()]
    entries = [
        {
            "id": i,
            "conversations": [
                {"from": "human", "value": "<image>\nWhat?"},
                {"from": "gpt", "value": f" {text}\n"},
            ],
            "image": f"{i}.jpg",
        }
        for i, text in texts.items()
    ]
    other = tmp_path / "seed.json"
    other.write_text(json.dumps(entries, indent=2))
    mine, theirs = list(records.read_records(written(tmp_path, *rows))), list(records.read_records(other))
    assert [(r.id, r.text, r.image, r.place) for r in mine] == [
        (r.id, r.text, r.image, r.place) for r in theirs
    ]
    assert [r.human for r in mine] == [None] * 3 and [r.human for r in theirs] == ["<image>\nWhat?"] * 3
    assert [r.line for r in theirs] == [2, 16, 30]


def test_an_empty_file_is_no_seed(tmp_path):
    with pytest.raises(BadInput, match="no record"):
        list(records.read_records(written(tmp_path)))


def test_all_problems_come_at_once_the_first_twenty_in_full(tmp_path):
    path = written(tmp_path, *[{**GOOD, "id": str(n), "images": []} for n in range(33)])
    with pytest.raises(BadInput) as error:
        list(records.read_records(path))
    lines = str(error.value).split("\n")
    assert len(lines) == 21 and lines[19].startswith(f"{path}:20: ") and lines[20] == "… and 13 more problems"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")

    def lines():
        yield {"id": "1"}
        raise BadInput("stop")

    with pytest.raises(BadInput):
        write_jsonl(path, lines())
    assert path.read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]
