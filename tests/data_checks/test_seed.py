"""Seed sets in both formats and their questions: each fault by name, and nothing said of a good set."""

import argparse
import json

import pytest

from check_seed import checked
from data_checks.seed import check_seed, check_stage1
from stage1 import NONE

GOOD = {"id": "007", "text": "<__dj__image>\na red cube <|__dj__eoc|>", "images": ["images/7.png"]}
PAIR = [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": "a red cube"}]
LLAVA = {"id": "007", "conversations": PAIR, "image": "images/7.png"}
SEEDS = [
    (b'{"id": "8", ', "not valid JSON"),
    (b"", "not valid JSON (an empty line)"),
    (b"[1]", "a JSON object is needed, not list"),
    (b'{"id": "\xe9"}', "not UTF-8"),
    (b"[" * 99_999, "not valid JSON (maximum recursion depth"),
    (b'{"id": ' + b"9" * 5_000 + b"}", "not valid JSON (Exceeds the limit (4300 digits)"),
    ({"id": 8}, "no id, or one that is not a string"),
    ({"text": 8}, "needs 'text'"),
    ({"images": "images/8.png"}, "needs 'text' (a string) and 'images'"),
    ({"images": []}, "no image; name one"),
    ({"images": ["images/8.png", "images/9.png"]}, "2 images and 1 placeholders"),
    ({"text": "a cube <|__dj__eoc|>"}, "1 images and 0 placeholders"),
    ({"text": "<__dj__image><image> a cube <|__dj__eoc|>"}, "1 images and 2 placeholders"),
    ({"text": "<__dj__image>\na cube"}, "the text must end in <|__dj__eoc|>"),
    (
        {"text": "<__dj__image>\na <|__dj__eoc|> cube <|__dj__eoc|>"},
        "the text must end in <|__dj__eoc|>, once",
    ),
    ({"text": "<__dj__image>\n \t <|__dj__eoc|>"}, "empty caption"),
    ({"text": "<__dj__image>\n\ud800 cube <|__dj__eoc|>"}, "half a character"),
    ({"id": "007"}, "stands on line 1 already"),
    ({"images": ["/tmp/8.png"]}, "is an absolute path"),
    ({"images": ["images/8\0.png"]}, "holds a zero byte"),
    ({"images": ["images/gone.png"]}, "images/gone.png is missing"),
    ({"images": ["images/empty.png"]}, "images/empty.png is empty (0 bytes)"),
    ({"images": ["images/html.jpg"]}, "images/html.jpg cannot be read"),
    ({"images": ["images/cut.png"]}, "images/cut.png cannot be read"),
    ({"images": ["images/bomb.png"]}, "decompression bomb"),
]
WARNINGS = [
    ("../own/images/8.png", "lies outside of the file's folder"),
    ("images/small.png", "image of 31×90 pixels"),
    ("images/grey.png", "image in mode L"),
    ("images/turned.jpg", "image with an EXIF rotation (6)"),
    ("images/two.tif", "image with 2 frames"),
]
LLAVAS = [
    ({"id": None}, "no id"),
    ({"id": "007"}, "stands on line 1 already"),
    ({"image": None}, "no image: a seed is of images and captions"),
    ({"image": ["images/8.png", "images/9.png"]}, "image must be one path"),
    ({"image": "images/gone.png"}, "is missing"),
    ({"image": "/tmp/8.png"}, "is an absolute path"),
    ({"conversations": PAIR * 2}, "4 turns, not one human and one gpt"),
    ({"conversations": PAIR[::-1]}, "conversations must be one human and one gpt turn"),
    ({"conversations": [PAIR[0], {"from": "gpt"}]}, "conversations must be one human and one gpt turn"),
    ({"conversations": "text"}, "conversations must be one human and one gpt turn"),
    (
        {"conversations": [{"from": "human", "value": "What?"}, PAIR[1]]},
        "the question needs one <image>, not 0",
    ),
    ({"conversations": [PAIR[0], {"from": "gpt", "value": " "}]}, "empty caption"),
    ({"conversations": [PAIR[0], {"from": "gpt", "value": "an <image>"}]}, "1 images and 2 placeholders"),
]


def jsonl(folder, *rows):
    path = folder / "seed.jsonl"
    path.write_bytes(
        b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)
    )
    return path


def llava(folder, *rows, name="seed.json", text=None):
    path = folder / name
    path.write_text(text or "[" + ",\n".join(json.dumps(row) for row in rows) + "]")
    return path


def of_seed(found, path, stage1=NONE, questions=None, ruler=None):
    return found(check_seed, path, stage1, questions, after=(ruler, None))


@pytest.mark.parametrize(("row", "words"), SEEDS)
def test_a_faulty_record_of_a_seed_is_named_with_line_id_and_remedy(pictures, found, row, words):
    row = {**GOOD, "id": "8", "images": ["images/8.png"], **row} if isinstance(row, dict) else row
    path = jsonl(pictures, GOOD, row, {**GOOD, "id": "9", "images": ["images/9.png"]})
    (finding,) = of_seed(found, path)
    assert words in finding["message"] and finding["severity"] == "fault" and ";" in finding["message"]
    assert finding["file"] == str(path) and finding["line"] == 2
    assert finding["id"] == (row["id"] if isinstance(row, dict) else None)


def test_a_control_character_is_a_fault_though_synthesis_takes_it(pictures, found):
    row = {"id": "8", "text": "<__dj__image>\na\x07 cube <|__dj__eoc|>", "images": ["images/8.png"]}
    (finding,) = of_seed(
        found,
        jsonl(pictures, GOOD, row, {**row, "id": "9", "text": GOOD["text"], "images": ["images/9.png"]}),
    )
    assert "control character U+0007" in finding["message"] and finding["line"] == 2
    assert finding["severity"] == "fault"


@pytest.mark.parametrize(("row", "words"), SEEDS)
def test_synthesis_refuses_the_same_records_in_the_same_words(pictures, found, row, words):
    row = {**GOOD, "id": "8", "images": ["images/8.png"], **row} if isinstance(row, dict) else row
    path, faults = jsonl(pictures, GOOD, row), []
    sound = list(checked(path, argparse.Namespace(np=1, store=None), faults))
    (finding,) = of_seed(found, path)
    assert [row["id"] for row in sound] == ["007"] and [fault.what for fault in faults] == [
        finding["message"]
    ]


@pytest.mark.parametrize(("image", "words"), WARNINGS)
def test_what_is_unusual_about_an_image_is_a_warning(pictures, found, image, words):
    (finding,) = of_seed(found, jsonl(pictures, GOOD, {**GOOD, "id": "8", "images": [image]}))
    assert finding["severity"] == "warning" and words in finding["message"] and finding["line"] == 2


@pytest.mark.parametrize(("change", "words"), LLAVAS)
def test_a_faulty_sample_of_a_llava_seed_is_named(pictures, found, change, words):
    path = llava(pictures, LLAVA, {**LLAVA, "id": "8", "image": "images/8.png", **change})
    (finding,) = of_seed(found, path)
    assert words in finding["message"] and finding["line"] == 2 and finding["severity"] == "fault"


@pytest.mark.parametrize(
    ("text", "line"),
    [('[{"id": "1"},\n{"id"]', 2), ('{"id": "1"}', 1), ("[\n\n", 3), ("[]\n[]", 2), ("[1 2]", 1)],
)
def test_where_a_file_stops_being_a_list_is_named(pictures, found, text, line):
    findings = of_seed(found, llava(pictures, text=text))
    assert any("not valid JSON" in one["message"] and one["line"] == line for one in findings)


@pytest.mark.parametrize("lines", [1, 3])
def test_samples_are_told_apart_on_one_line_too(pictures, found, lines):
    rows = [LLAVA, {**LLAVA, "image": "images/8.png"}, {**LLAVA, "id": "9", "image": "images/gone.png"}]
    text = "[" + ("," if lines == 1 else ",\n").join(json.dumps(row) for row in rows) + "]"
    findings = of_seed(found, llava(pictures, text=text))
    assert [finding["id"] for finding in findings] == ["007", "9"]
    assert [finding["line"] for finding in findings] == ([1, 1] if lines == 1 else [2, 3])


@pytest.mark.parametrize(
    ("start", "ends", "words"),
    [(b"\xef\xbb\xbf", b"\n", "byte order mark"), (b"", b"\r\n", "end as on Windows")],
)
def test_how_a_file_is_written_is_a_warning(pictures, found, start, ends, words):
    rows = [json.dumps({**GOOD, "id": str(n), "images": [f"images/{n}.png"]}).encode() for n in range(3)]
    path = pictures / "seed.jsonl"
    path.write_bytes(start + rows[0] + ends + rows[1] + b"\n" + rows[2] + b"\n")
    (finding,) = of_seed(found, path)
    assert words in finding["message"] and finding["severity"] == "warning"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_a_fault(pictures, found, encoding):
    path = pictures / "seed.jsonl"
    path.write_text(json.dumps(GOOD) + "\n", encoding=encoding)
    (finding,) = of_seed(found, path)
    assert "iconv" in finding["message"] and finding["severity"] == "fault"


def test_an_empty_file_is_a_fault(pictures, found):
    (finding,) = of_seed(found, jsonl(pictures))
    assert "no record in it" in finding["message"]


def test_the_same_image_twice_is_a_warning_that_names_the_other(pictures, found):
    rows = [{**GOOD, "id": "8", "images": ["images/0.png"]}, {**GOOD, "images": ["images/twin.png"]}]
    (finding,) = of_seed(found, jsonl(pictures, *rows))
    assert finding["severity"] == "warning" and "the same image as '8' has" in finding["message"]


def test_ids_without_a_question_are_faults_and_questions_without_a_record_one_warning(pictures, found):
    stage1 = llava(pictures, *[{**LLAVA, "id": str(n)} for n in range(5)], name="stage_1.json")
    questions = check_questions(found, stage1)
    fault, warning = of_seed(found, jsonl(pictures, GOOD), stage1, questions)
    assert (
        "not in stage_1.json" in fault["message"]
        and "STAGE1=none" in fault["message"]
        and fault["id"] == "007"
    )
    assert warning["severity"] == "warning" and "5 of its ids are not in seed.jsonl" in warning["message"]


def test_questions_that_cannot_be_read_are_one_fault_and_no_record_lacks_one(pictures, found):
    stage1, got = llava(pictures, text='[{"id"', name="stage_1.json"), []
    (fault,) = found(lambda path, findings: got.append(check_stage1(path, findings)), stage1, after=None)
    assert "not valid JSON" in fault["message"]
    assert of_seed(found, jsonl(pictures, GOOD), stage1, got[0]) == []


def check_questions(found, path, expected=0):
    questions = {}
    findings = found(lambda path, findings: questions.update(check_stage1(path, findings)), path, after=None)
    assert len(findings) == expected
    return questions if not expected else findings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"conversations": [{"from": "human", "value": "What?"}, PAIR[1]]},
            "the question needs one <image>, not 0",
        ),
        ({"conversations": PAIR[::-1]}, "needs id, image, human, gpt"),
        ({"image": None}, "needs id, image, human, gpt"),
        ({"id": "007"}, "stands twice"),
    ],
)
def test_an_unusable_question_is_named(pictures, found, change, words):
    (finding,) = check_questions(found, llava(pictures, LLAVA, {**LLAVA, "id": "8", **change}), expected=1)
    assert words in finding["message"] and finding["line"] == 2


@pytest.mark.parametrize(("words", "severity"), [(3000, "fault"), (600, "warning"), (40, None)])
def test_captions_that_are_too_long_or_very_long_are_named(pictures, found, standin, words, severity):
    from data_checks.samples import Ruler

    ruler = Ruler(standin("gemma-2b-it"), standin("clip-vit-large-patch14-336"), 2048, cut=False)
    text = "<__dj__image>\n" + "red " * words + "<|__dj__eoc|>"
    findings = of_seed(
        found,
        jsonl(pictures, GOOD, {**GOOD, "id": "8", "images": ["images/8.png"], "text": text}),
        ruler=ruler,
    )
    assert [finding["severity"] for finding in findings] == ([severity] if severity else [])
    assert all(finding["id"] == "8" for finding in findings)
    if severity == "fault":
        assert "tokens, image included, exceed model_max_length 2048" in findings[0]["message"]


@pytest.mark.parametrize("llava_format", [False, True])
def test_nothing_is_said_of_a_good_set(pictures, found, llava_format):
    rows = [{**(LLAVA if llava_format else GOOD), "id": str(n)} for n in range(10)]
    for n, row in enumerate(rows):
        row |= {"image": f"images/{n}.png"} if llava_format else {"images": [f"images/{n}.png"]}
    path = (llava if llava_format else jsonl)(pictures, *rows)
    assert of_seed(found, path, path if llava_format else NONE) == []
