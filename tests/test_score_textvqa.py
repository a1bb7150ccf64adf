"""TextVQA scoring: the official values, and no score for anything but exactly all questions."""

import json
import os
from pathlib import Path

import pytest

import score_textvqa
from errors import BadInput

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "golden" / "textvqa"
GOLDEN = Path(os.environ.get("GOLDEN_TEXTVQA", DEFAULT))


@pytest.mark.golden
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden TextVQA case")
def test_every_question_of_the_golden_case_scores_as_in_the_official_evaluation(tmp_path, monkeypatch):
    output = tmp_path / "score.json"
    annotations, answers = GOLDEN / "TextVQA_0.5.1_val.json", GOLDEN / "bm1.jsonl"
    flags = ["--annotations", annotations, "--answers", answers, "--output", output]
    monkeypatch.setattr("sys.argv", ["score_textvqa.py", *map(str, flags)])
    score_textvqa.main()
    score, expected = json.loads(output.read_text()), json.loads((GOLDEN / "expected.json").read_text())
    assert list(score["per_question"].values()) == expected["per_question"]
    assert score["accuracy"] == pytest.approx(100 * expected["accuracy"], abs=1e-9)
    ids = [json.loads(line)["question_id"] for line in answers.read_text().splitlines()]
    assert list(score["per_question"]) == ids


def annotation(question_id, image_id, question, answer):
    return {"question_id": question_id, "image_id": image_id, "question": question, "answers": [answer] * 10}


def answer(question_id, question, text):
    prompt = f"{question}\nReference OCR token: x, y\nAnswer the question using a single word or phrase."
    return {"question_id": question_id, "prompt": prompt, "text": text}


TWO_OF_ONE_IMAGE = [
    annotation(101, "imgA", "What word?", "stop"),
    annotation(102, "imgA", "What colour?", "red"),
    annotation(103, "imgB", "What word?", "go"),
]


def test_questions_that_share_an_image_id_are_told_apart_by_their_text():
    answers = [
        answer("imgA", "what COLOUR?", "red"),
        answer("imgA", "What word?", "no"),
        answer("imgB", "What word?", "go"),
    ]
    result = score_textvqa.score(TWO_OF_ONE_IMAGE, answers, Path("bm1.jsonl"))
    assert result["per_question"] == {"imgA/102": 1.0, "imgA/101": 0.0, "imgB": 1.0}
    assert result["accuracy"] == pytest.approx(200 / 3)


def test_answers_under_the_annotations_own_question_ids_are_found_too():
    answers = [
        answer(103, "What word?", "go"),
        answer(101, "What word?", "stop"),
        answer(102, "What colour?", "red"),
    ]
    assert score_textvqa.score(TWO_OF_ONE_IMAGE, answers, Path("x"))["per_question"] == {
        "103": 1,
        "101": 1,
        "102": 1,
    }


def test_a_question_annotated_twice_is_answered_twice_and_scored_by_its_last_annotation():
    twice = [annotation(1, "i", "Q?", "old"), annotation(2, "i", "q?", "new")]
    result = score_textvqa.score(twice, [answer("i", "Q?", "new"), answer("i", "q?", "new")], Path("x"))
    assert result["per_question"] == {"i/1": 1.0, "i/2": 1.0}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([answer("imgA", "What word?", "stop")], "2 missing"),
        ([answer("imgA", "What word?", "stop")] * 2, "1 repeated"),
        ([answer("imgA", "What shape?", "stop")], "1 unknown (first: imgA 'what shape?')"),
        ([{"question_id": "imgA", "prompt": "What word?", "text": "stop"}], "1 unknown"),
    ],
)
def test_missing_repeated_and_unknown_answers_are_counted_and_nothing_is_scored(answers, message):
    with pytest.raises(BadInput) as error:
        score_textvqa.score(TWO_OF_ONE_IMAGE, answers, Path("bm1.jsonl"))
    assert message in str(error.value)
    assert str(error.value).startswith("bm1.jsonl: ")


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("What?\nReference OCR token: A\nAnswer.", "what?"),
        ("Reference OCR token: A\nWhat?\nAnswer.", "what?"),
        ("What?\nAnswer.", "what?"),
        ("OCR tokens: A. Question: What? Short answer:", "what?"),
        ("What?", None),
    ],
)
def test_the_question_is_found_in_every_official_prompt_form(prompt, question):
    assert score_textvqa.question_of(prompt) == question


def test_an_empty_answer_file_is_an_error(tmp_path):
    empty = tmp_path / "bm1.jsonl"
    empty.touch()
    with pytest.raises(BadInput, match="holds no answer"):
        score_textvqa.read_answers(empty)


def test_an_annotation_without_ten_answers_is_named(tmp_path):
    path = tmp_path / "val.json"
    path.write_text(json.dumps({"data": [annotation(7, "i", "Q?", "x") | {"answers": ["x"] * 9}]}))
    with pytest.raises(BadInput, match="question 7 has 9 answers"):
        score_textvqa.read_annotations(path)
