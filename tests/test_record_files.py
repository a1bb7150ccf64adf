import json

import pytest

from errors import BadInput
from record_files import read_records
from records import Record, text_of

GOOD = {"id": "7", "text": "<__dj__image>\na red cube <|__dj__eoc|>", "images": ["images/7.jpg"]}


def written(tmp_path, *lines):
    path = tmp_path / "seed.jsonl"
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return path


def test_both_placeholders_are_read_and_one_is_written(tmp_path):
    other = {**GOOD, "id": "8", "text": GOOD["text"].replace("<__dj__image>", "<image>")}
    rows = list(read_records(written(tmp_path, GOOD, other)))
    assert [row.text for row in rows] == [GOOD["text"]] * 2
    assert rows[1] == Record(2, "8", GOOD["text"], "images/7.jpg")


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
        list(read_records(path))
    assert str(error.value).startswith(f"{path}:2: ") and message in str(error.value)


def test_a_synth_file_may_repeat_an_id_and_need_not_be_written_as_a_seed(tmp_path):
    path = written(tmp_path, GOOD, GOOD, {**GOOD, "text": "<image> a cube", "images": ["/a.jpg"]})
    assert len(list(read_records(path, unique=False))) == 3


def test_both_formats_give_the_same_records(tmp_path):
    texts = {"7": "a red cube", "8": "größer \u2028 猫", "9": '"quoted"'}
    rows = [{"id": i, "text": text_of(text), "images": [f"{i}.jpg"]} for i, text in texts.items()]
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
    mine, theirs = list(read_records(written(tmp_path, *rows))), list(read_records(other))
    assert [(r.id, r.text, r.image, r.place) for r in mine] == [
        (r.id, r.text, r.image, r.place) for r in theirs
    ]
    assert [r.human for r in mine] == [None] * 3 and [r.human for r in theirs] == ["<image>\nWhat?"] * 3
    assert [r.line for r in theirs] == [2, 16, 30]


def test_an_empty_file_is_no_seed(tmp_path):
    with pytest.raises(BadInput, match="no record"):
        list(read_records(written(tmp_path)))


def test_all_bad_lines_are_named_at_once(tmp_path):
    path = written(tmp_path, {**GOOD, "id": "1", "images": []}, GOOD, {**GOOD, "id": "3", "images": []})
    with pytest.raises(BadInput) as error:
        list(read_records(path))
    lines = str(error.value).split("\n")
    assert [line.split(": no image")[0] for line in lines] == [f"{path}:1: id 1", f"{path}:3: id 3"]
