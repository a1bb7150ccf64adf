"""Files that are not what their names say are refused, whatever is in them."""

import pytest

from fetch import content


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_brackets_without_end_are_no_json(tmp_path, name):
    (tmp_path / name).write_bytes(b"[" * 100_000)
    with pytest.raises(content.Refused, match="not valid JSON"):
        content.check(tmp_path / name, name, "http://host/" + name)
