"""MMBench scoring: the official values, the two parsing rules, and no score for an incomplete set."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

import score_mmbench
from errors import BadInput
from questions import Question
from score_mmbench import exact_option, infer_option

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "golden" / "mmbench"
GOLDEN = Path(os.environ.get("GOLDEN_MMBENCH", DEFAULT))
SHAPES = ("circle", "square", "star", "diamond")


@pytest.mark.golden
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden MMBench case")
def test_the_golden_case_has_the_official_circular_accuracy(tmp_path, monkeypatch):
    output = tmp_path / "score.json"
    flags = [
        "--tsv",
        GOLDEN / "mmbench_dev_20230712.tsv",
        "--answers",
        GOLDEN / "answers.jsonl",
        "--output",
        output,
    ]
    monkeypatch.setattr("sys.argv", ["score_mmbench.py", *map(str, flags)])
    score_mmbench.main()
    score, expected = json.loads(output.read_text()), json.loads((GOLDEN / "expected.json").read_text())
    assert score["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-9)
    assert score["n"] == expected["n_main"] == len(score["per_question"])
    table = pd.read_table(GOLDEN / "mmbench_dev_20230712.tsv")
    assert score["n_answers"] == len(table)
    assert set(score["per_category"]) == set(table["category"])


@pytest.mark.parametrize(
    ("text", "exact", "inferred"),
    [
        ("D", "D", "D"),
        ("diamond D", None, "D"),
        ("D. diamond", None, "D"),
        ("(B)", None, "B"),
        ("the star", None, "C"),
        ("d", None, None),  # neither a letter of the options nor the text of one
        ("B or C", None, None),
        ("circle or star", None, None),
        ("A picture of one square", None, "B"),  # "A" is an article here, the text decides
        ("A circle", None, "A"),
        ("E", None, None),
        ("", None, None),
    ],
)
def test_an_answer_chooses_an_option_only_if_it_names_exactly_one(text, exact, inferred):
    assert (exact_option(text, SHAPES), infer_option(text, SHAPES)) == (exact, inferred)


def test_a_letter_that_the_question_does_not_offer_is_unparsable():
    assert exact_option("C", ("yes", "no")) is None
    assert infer_option("C", ("yes", "no")) is None


def question(index, answer, category="shape"):
    return Question(index, "?", "", SHAPES, answer, category)


QUESTIONS = [question(1_000_007, "B"), question(7, "A"), question(2_000_007, "C"), question(8, "D", "colour")]


def test_a_circular_group_is_right_only_with_all_its_variants():
    texts = {7: "A", 1_000_007: "diamond D", 2_000_007: "C", 8: "D"}
    result = score_mmbench.score(QUESTIONS, texts)
    assert (result["accuracy"], result["plain_accuracy"], result["unparsable"]) == (50.0, 75.0, 1)
    assert (result["n"], result["n_answers"], result["parse"]) == (2, 4, "exact")
    assert result["per_category"] == {"colour": 100.0, "shape": 0.0}
    assert result["per_question"] == {"7": 0, "8": 1}


def test_both_rules_are_reported_whichever_gives_the_score():
    texts = {7: "circle A", 1_000_007: "square B", 2_000_007: "star", 8: "D"}
    result = score_mmbench.score(QUESTIONS, texts, "inferred")
    assert (result["accuracy"], result["unparsable"]) == (100.0, 0)
    assert result["by_rule"]["exact"] == {"accuracy": 50.0, "plain_accuracy": 25.0, "unparsable": 3}


@pytest.mark.parametrize("answer", ["", "E"])
def test_a_question_file_without_right_answers_cannot_be_scored(tmp_path, answer):
    with pytest.raises(BadInput, match=r"a\.tsv: question 5 has no right answer"):
        score_mmbench.require_answerable([*QUESTIONS, question(5, answer)], tmp_path / "a.tsv")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([7, 8], "2 missing (first: 1000007, 2000007)"),
        ([7, 8, 1_000_007, 2_000_007, 7], "1 repeated (first: 7)"),
        ([7, 8, 1_000_007, 2_000_007, 9, 10], "2 unknown (first: 9, 10)"),
        ([], "holds no answer"),
    ],
)
def test_incomplete_answers_are_refused_with_counts_and_first_ids(tmp_path, ids, message):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({"question_id": i, "text": "A"}) + "\n" for i in ids))
    with pytest.raises(BadInput) as error:
        score_mmbench.read_answers(path, QUESTIONS)
    assert message in str(error.value)
