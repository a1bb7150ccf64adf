"""Evaluation sets in the official layout: each fault by name, and the evaluation's own word as the last."""

import base64
import json

import pytest

from data_checks import mmbench, textvqa
from mmbench_table import MMBENCH_COLUMNS
from questions import read_mmbench

PROMPT = "What is written?\nReference OCR token: A\nAnswer with one word."


def question(number, **changes):
    return {"question_id": f"i{number}", "image": f"{number}.png", "text": PROMPT, **changes}


def annotation(number, **changes):
    return {
        "question_id": number,
        "image_id": f"i{number}",
        "question": "What is written?",
        "answers": ["a"] * 10,
        **changes,
    }


@pytest.fixture
def reading(pictures, found):
    """A function that writes a TextVQA set, and returns what is found in it."""
    (pictures / "images").rename(pictures / "train_images")

    def run(lines, annotations):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        (pictures / textvqa.QUESTIONS).write_text(text)
        (pictures / textvqa.ANNOTATIONS).write_text(json.dumps({"data": annotations}))
        return found(textvqa.check_textvqa, pictures)

    return run


@pytest.mark.parametrize(
    ("changes", "words", "line"),
    [
        ("{", "not valid JSON", 2),
        ({"image": 5}, "image and text must be strings", 2),
        ({"image": "gone.png"}, "is missing", 2),
        ({"image": "cut.png"}, "cannot be read", 2),
        (
            {"text": "Why?\nReference OCR token: A\nAnswer with one word."},
            "no annotation of this question",
            2,
        ),
        ({"question_id": "i0", "image": "0.png"}, "stands on line 1 already", 2),
    ],
)
def test_a_faulty_question_is_named(reading, changes, words, line):
    bad = question(1, **changes) if isinstance(changes, dict) else changes
    findings = reading([question(0), bad, question(2)], [annotation(0), annotation(1), annotation(2)])
    assert any(words in one["message"] and one["line"] == line for one in findings), findings


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (5, "annotation is no object"),
        ({"image_id": "i1"}, "annotation lacks question_id, question, answers"),
        (annotation(1, answers=["a"] * 9), "annotation has 9 answers, not 10"),
        (annotation(1, question=5), "question must be a string"),
        (annotation(5), "annotation without a question"),
    ],
)
def test_a_faulty_annotation_is_named(reading, bad, words):
    findings = reading([question(0)], [annotation(0), bad])
    assert [words in finding["message"] for finding in findings] == [True]
    assert findings[0]["file"].endswith(textvqa.ANNOTATIONS)


def test_a_line_without_its_fields_is_named(reading):
    (finding,) = reading([question(0), {"question_id": "i1"}], [annotation(0)])
    assert "lacks image, text" in finding["message"] and finding["line"] == 2


@pytest.mark.parametrize(("plain", "words"), [(1, "1 of 2 questions lack"), (2, "named textvqa_pure")])
def test_questions_without_ocr_tokens_are_a_warning(reading, plain, words):
    lines = [question(n, text="What is written?\nAnswer with one word.") for n in range(plain)]
    lines += [question(n) for n in range(plain, 2)]
    (finding,) = reading(lines, [annotation(0), annotation(1)])
    assert words in finding["message"] and finding["severity"] == "warning"


@pytest.mark.parametrize("name", [textvqa.QUESTIONS, textvqa.ANNOTATIONS])
def test_a_missing_file_is_named(reading, pictures, found, name):
    reading([question(0)], [annotation(0)])
    (pictures / name).unlink()
    (finding,) = found(textvqa.check_textvqa, pictures)
    assert finding["message"].startswith("is missing") and finding["file"].endswith(name)


def test_nothing_is_said_of_a_good_textvqa_even_if_a_question_is_asked_and_annotated_twice(reading):
    twice = [question(0), question(1), question(1)]
    assert reading(twice, [annotation(0), annotation(1), annotation(9, image_id="i1")]) == []


@pytest.fixture
def choosing(pictures, found):
    """A function that writes an MMBench table of rows over a sound one, and returns what is found in it."""
    image = base64.b64encode((pictures / "images/0.png").read_bytes()).decode()
    row = {
        "question": "Which?",
        "A": "cat",
        "B": "dog",
        "answer": "B",
        "category": "c",
        "image": image,
        "split": "dev",
    }

    def run(*rows, columns=MMBENCH_COLUMNS):
        lines = ["\t".join(columns)]
        lines += ["\t".join(str((row | changes).get(name, "")) for name in columns) for changes in rows]
        (pictures / mmbench.TABLE).write_text("\n".join(lines) + "\n")
        return found(mmbench.check_mmbench, pictures)

    return run


PAIR = ({"index": 1}, {"index": 1_000_001})


@pytest.mark.parametrize(
    ("rows", "words", "line"),
    [
        ([*PAIR, {"index": 1}], "index '1' appears twice", 4),
        ([*PAIR, {"index": "x"}], "index 'x' is no number", 4),
        ([*PAIR, {"index": '"' + "x" * 200}], f"index '{'x' * 64}' is no number", 4),
        ([*PAIR, {"index": 2, "split": "dev\tmore"}], "has too many cells", 4),
        ([PAIR[0], PAIR[1] | {"A": ""}], "has no option A", 3),
        ([PAIR[0], PAIR[1] | {"answer": "C"}], "answer 'C' is none of the options AB", 3),
        ([PAIR[0], PAIR[1] | {"answer": ""}], "answer '' is none of the options AB", 3),
        ([PAIR[0], PAIR[1] | {"category": ""}], "empty category", 3),
        ([PAIR[0], PAIR[1] | {"question": ""}], "empty question", 3),
        ([PAIR[0], PAIR[1] | {"image": "%%"}], "image of question 1000001 cannot be read", 3),
        ([PAIR[0], PAIR[1] | {"image": ""}], "image of question 1000001 is empty", 3),
        ([PAIR[0], PAIR[1] | {"image": "7"}], "has the image of 7, where none is", 3),
        (
            [PAIR[0] | {"image": "1000001"}, PAIR[1] | {"image": "1"}],
            "has the image of 1000001, where none is",
            2,
        ),
        (
            [*PAIR, {"index": 2, "C": "cow"}, {"index": 1_000_002, "C": "cow"}],
            "variants are missing: 2000002",
            4,
        ),
    ],
)
def test_a_faulty_row_is_named_with_line_and_index(choosing, rows, words, line):
    findings = [finding for finding in choosing(*rows) if words in finding["message"]]
    assert [(one["line"], one["severity"]) for one in findings] == [(line, "fault")]


def test_a_table_without_a_column_is_named(choosing):
    (finding,) = choosing({"index": 1}, columns=[name for name in MMBENCH_COLUMNS if name != "answer"])
    assert "lacks the columns answer" in finding["message"]


def test_questions_without_circular_variants_are_a_warning(choosing):
    (finding,) = choosing({"index": 1}, {"index": 2})
    assert (
        finding["severity"] == "warning"
        and "2 of 2 questions have no circular variants" in finding["message"]
    )


def test_a_cell_may_refer_to_the_image_of_another_row(choosing, pictures):
    assert choosing({"index": 1}, {"index": 1_000_001, "image": "1"}) == []
    first, second = read_mmbench(pictures / mmbench.TABLE)
    assert first.image == second.image and len(first.image) > 100


def test_a_missing_table_is_named(pictures, found):
    (finding,) = found(mmbench.check_mmbench, pictures)
    assert finding["message"] == "is missing; restore it"
