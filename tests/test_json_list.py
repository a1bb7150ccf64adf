"""JSON lists read entry by entry, whatever the size of the piece that is held."""

import io
import json
import random

import pytest

import json_list


def values(length: int, rng: random.Random) -> list:
    kinds = [
        lambda: rng.randint(-(10**6), 10**6),
        lambda: rng.random(),
        lambda: "".join(rng.choices('ab"\\\n,]}{ü猫', k=rng.randrange(20))),
        lambda: None,
        lambda: {"a": [rng.random()], "b": {"]": "[,"}},
        lambda: [],
    ]
    return [rng.choice(kinds)() for _ in range(length)]


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_entries_are_those_of_the_json_module_with_their_lines(monkeypatch, piece, indent):
    monkeypatch.setattr(json_list, "PIECE", piece)
    rng = random.Random(5)
    for length in (0, 1, 2, 30):
        whole = values(length, rng)
        text = json.dumps(whole, indent=indent, ensure_ascii=bool(length % 2))
        read = list(json_list.entries(io.StringIO(text)))
        assert [entry for _, entry in read] == whole
        lines = text.split("\n")
        for line, entry in read:
            first = json.dumps(entry, ensure_ascii=bool(length % 2), indent=indent).split("\n")[0]
            assert first.rstrip("{[") in lines[line - 1]


@pytest.mark.parametrize("piece", [1, 1 << 20])
@pytest.mark.parametrize(
    ("text", "line", "words", "before"),
    [
        ("", 1, "'[' is missing at the end", 0),
        ('{"a": 1}', 1, "'[' is missing before '{'", 0),
        ("[1,\n2", 2, "',' or ']' is missing at the end", 2),
        ("[1,\n\n2 3]", 3, "missing before '3'", 2),
        ("[1,\n]", 2, "Expecting value", 1),
        ('[{"a":\n\nx}]', 3, "Expecting value", 0),
        ("[]\n\n,", 3, "more behind the list", 0),
        ("[1,\n" + "[" * 99_999, 2, "recursion", 1),
        ("[1,\n" + "9" * 5_000 + "]", 2, "4300 digits", 1),
    ],
)
def test_where_it_stops_being_a_list_is_said_after_the_entries_before(
    monkeypatch, piece, text, line, words, before
):
    monkeypatch.setattr(json_list, "PIECE", piece)
    read = []
    with pytest.raises(json_list.NotAList) as error:
        for entry in json_list.entries(io.StringIO(text)):
            read.append(entry)
    assert error.value.line == line and words in str(error.value) and len(read) == before
