"""Changed seeds, questions, lists and plain JSON: each entry is read as it stands, or named, none is lost."""

import io
import json

import pytest

import json_list
from errors import BadInput
from json_files import read_json, read_jsonl, read_list
from mutations.harness import Refusal, main_of
from record_files import read_records
from records import caption_of
from stage1 import read_stage1

pytestmark = pytest.mark.attack("mutations")

CAPTIONS = [
    "a red cube",
    "größer 猫 \u2028 x",
    "an old sign that says 7",
    'the "moon" \\ 1',
    "😀 ring",
    "a star",
]
IDS = [f"{number:09d}" for number in range(len(CAPTIONS))]


def jsonl(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def listed(rows: list[dict]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


SEED = jsonl(
    [
        {
            "id": identity,
            "text": f"{'<image>' if n % 2 else '<__dj__image>'}\n{caption} <|__dj__eoc|>",
            "images": [f"i/{n}.png"],
        }
        for n, (identity, caption) in enumerate(zip(IDS, CAPTIONS, strict=True))
    ]
)
LLAVA = listed(
    [
        {
            "id": identity,
            "conversations": [
                {"from": "human", "value": f"<image>\nWhat is {n}?"},
                {"from": "gpt", "value": caption},
            ],
            "image": f"i/{n}.png",
        }
        for n, (identity, caption) in enumerate(zip(IDS, CAPTIONS, strict=True))
    ]
)


def whole(read, path):
    """(records or questions, faults by place) of a file whose faults are gathered."""
    faults = []
    found = read(path, faults)
    return found, [(fault.place, fault.message) for fault in faults]


def as_list(content):
    """What Python reads from a JSON list; None where it is none."""
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def object_of(line):
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def shown(value):
    """A value to compare: NaN is equal to itself, and the order of names says nothing."""
    return json.dumps(value, sort_keys=True)


def test_a_seed_of_lines(attack):
    def act(folder):
        rows, faults = whole(lambda path, faults: list(read_records(path, faults=faults)), folder / "s.jsonl")
        try:
            assert list(read_records(folder / "s.jsonl")) == rows
        except BadInput:
            assert faults
        else:
            assert not faults
        return rows, faults

    def check(case, value, expected):
        if isinstance(value, Refusal):
            assert (
                b"\0" in case.content[:4]
                or case.content[:2] in (b"\xff\xfe", b"\xfe\xff")
                or not case.content
            )
            return
        rows, faults = value
        lines = case.content.split(b"\n")
        lines = lines if lines[-1] else lines[:-1]
        assert sorted([row.line for row in rows] + [place for place, _ in faults]) == [
            *range(1, len(lines) + 1)
        ]
        for row in rows:
            plain = object_of(lines[row.line - 1])
            assert (row.id, row.image) == (plain["id"], plain["images"][0])
            assert caption_of(row.text) == caption_of(plain["text"])
        read = {row.id for row in rows}
        for line in set(lines) & set(case.sound.split(b"\n")[:-1]):
            assert json.loads(line)["id"] in read, "a line that was not touched is lost"

    attack({"s.jsonl": SEED}, act, check)


def check_list(case, value, expected):
    """As many records and faults as the list has entries; a refusal only where it is none."""
    plain = as_list(case.content)
    if isinstance(value, Refusal):
        assert not plain or case.content[:2] in (b"\xff\xfe", b"\xfe\xff"), f"refused, and is a list: {value}"
        return
    found, faults = value
    assert plain is not None and len(found) + len(faults) == len(plain)
    for place, entry in enumerate(plain, 1):
        assert (place in found) != (place in dict(faults))
        if place in found:
            turns = entry["conversations"]
            assert found[place] == (entry["id"], turns[0]["value"], turns[1]["value"].strip(), entry["image"])


def test_a_seed_of_samples(attack):
    def act(folder):
        rows, faults = whole(lambda path, faults: list(read_records(path, faults=faults)), folder / "s.json")
        return {row.place: (row.id, row.human, caption_of(row.text), row.image) for row in rows}, [
            (place, "") for place, _ in faults
        ]

    def check(case, value, expected):
        tokens = [b"<image>", b"dj__"]
        if sum(case.content.count(token) for token in tokens) == sum(map(case.sound.count, tokens)):
            check_list(case, value, expected)

    attack({"s.json": LLAVA}, act, check)


def test_the_questions_of_stage_1(attack):
    def act(folder):
        questions, faults = whole(read_stage1, folder / "stage_1.json")
        return list(questions.items()), [(place, "") for place, _ in faults]

    def check(case, value, expected):
        plain = as_list(case.content)
        if isinstance(value, Refusal):
            assert plain is None or case.content[:2] in (b"\xff\xfe", b"\xfe\xff"), value
            return
        found, faults = value
        bad = {place for place, _ in faults}
        sound = [entry for place, entry in enumerate(plain, 1) if place not in bad]
        assert len(found) == len(sound)
        for (identity, question), entry in zip(found, sound, strict=True):
            turns = entry["conversations"]
            assert (identity, question.human, question.caption, question.image) == (
                entry["id"],
                turns[0]["value"],
                turns[1]["value"],
                entry["image"],
            )

    attack({"stage_1.json": LLAVA}, act, check)


def test_a_list_read_in_pieces(attack, monkeypatch):
    monkeypatch.setattr(json_list, "PIECE", 7)

    def act(folder):
        return [(line, repr(entry)) for line, entry in read_list(folder / "list.json")]

    def check(case, value, expected):
        plain = as_list(case.content)
        if isinstance(value, Refusal):
            assert plain is None, f"refused, and is a list: {value}"
        else:
            assert [entry for _, entry in value] == [repr(entry) for entry in plain]

    numbers = [
        0,
        -1.5,
        1e30,
        123456789012345678901234567890,
        [],
        {},
        "",
        [[1, {"a": [None, True]}], "]"],
        "a\\",
    ]
    files = {"list.json": json.dumps(numbers).replace("1e+30", "1E+30").encode()}
    relaid = json.dumps(numbers)
    assert [entry for _, entry in json_list.entries(io.StringIO(relaid))] == numbers
    attack(
        files,
        lambda folder: [entry for _, entry in act(folder)],
        lambda case, value, expected: check(
            case, value if isinstance(value, Refusal) else [(0, entry) for entry in value], expected
        ),
    )


def test_a_json_file(attack):
    def check(case, value, expected):
        try:
            plain = json.loads(case.content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            assert isinstance(value, Refusal)
        else:
            assert value == shown(plain) or case.content[:2] in (b"\xff\xfe", b"\xfe\xff") or "half" in value

    attack(
        {"f.json": LLAVA},
        lambda folder: shown(read_json(folder / "f.json")),
        check,
    )


def test_lines_of_json(attack):
    def check(case, value, expected):
        rows = case.content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        plain = [object_of(row) for row in (rows if rows[-1] else rows[:-1])]
        if all(isinstance(row, dict) for row in plain) and not isinstance(value, Refusal):
            assert value == [shown(row) for row in plain]
        else:
            assert isinstance(value, Refusal) and "l.jsonl" in value

    attack(
        {"l.jsonl": SEED},
        lambda folder: [shown(row) for _, row in read_jsonl(folder / "l.jsonl")],
        check,
    )


def test_a_conversion(attack):
    """What is written has every record of the synth file, with the question of its id."""
    synth = jsonl(
        [
            {"id": IDS[n], "text": f"<__dj__image>\nnew {n} <|__dj__eoc|>", "images": [f"i/{n}.png"]}
            for n in (0, 1, 1, 5)
        ]
    )
    files = {"synth.jsonl": synth, "stage_1.json": LLAVA, **{f"i/{n}.png": b"x" for n in range(6)}}

    def act(folder):
        words = ["--synth", folder / "synth.jsonl", "--stage1", folder / "stage_1.json"]
        main_of("dj_to_llava", *words, "--output", folder / "out.json")
        return json.loads((folder / "out.json").read_bytes())

    def check(case, value, expected):
        if isinstance(value, Refusal):
            return
        assert [sample["id"] for sample in value] == [
            object_of(line)["id"]
            for line in (case.content if case.name == "synth.jsonl" else synth).splitlines()
        ]

    attack(files, act, check, ["synth.jsonl", "stage_1.json"])
