import json

import pytest

from errors import BadInput
from json_files import read_json, read_jsonl, read_list, write_jsonl

ROW = {"id": "7"}


def test_a_byte_order_mark_is_passed_over_and_another_encoding_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n", encoding="utf-8-sig")
    assert list(read_jsonl(path)) == [(1, ROW)]
    path.write_text(json.dumps([ROW]), encoding="utf-8-sig")
    assert read_json(path) == [ROW] == [entry for _, entry in read_list(path)]
    path.write_text(json.dumps(ROW) + "\n", encoding="utf-16")
    with pytest.raises(BadInput, match="UTF-16 or UTF-32, not UTF-8; convert it: iconv"):
        list(read_jsonl(path))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")

    def lines():
        yield {"id": "1"}
        raise BadInput("stop")

    with pytest.raises(BadInput):
        write_jsonl(path, lines())
    assert path.read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]
