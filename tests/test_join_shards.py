"""Joining shards: whole and in order, or an error and no output."""

import json
import re

import pytest

from errors import BadInput
from join_shards import join
from questions import Question

# two questions of one image, as in the official file
QUESTIONS = [
    Question("a", "1?", ""),
    Question("a", "2?", ""),
    Question("b", "1?", ""),
    Question("c", "1?", ""),
]


def line(question, text="x"):
    return {"question_id": question.question_id, "prompt": question.prompt, "text": text}


def write(folder, name, questions):
    (folder / name).write_text("".join(json.dumps(line(question)) + "\n" for question in questions))


def test_shards_are_joined_in_question_order(tmp_path):
    write(tmp_path, "3_0.jsonl", QUESTIONS[:2])
    write(tmp_path, "3_1.jsonl", QUESTIONS[2:])
    write(tmp_path, "3_2.jsonl", [])  # four questions in chunks of two leave nothing to the third
    assert join(QUESTIONS, tmp_path, 3) == [line(question) for question in QUESTIONS]


def test_nothing_is_joined_while_a_shard_is_missing(tmp_path):
    write(tmp_path, "2_0.jsonl", QUESTIONS[:2])
    write(tmp_path, "3_1.jsonl", QUESTIONS[2:])  # of another split
    with pytest.raises(BadInput, match=r"1 of 2 shards missing \(2_1\.jsonl\)"):
        join(QUESTIONS, tmp_path, 2)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (QUESTIONS[2:3], "1 missing (first: c '1?')"),
        ([*QUESTIONS[2:], QUESTIONS[3]], "1 repeated"),
        ([QUESTIONS[0], *QUESTIONS[2:]], "1 unknown (first: a '1?')"),
        (QUESTIONS[:1:-1], "not in the order"),
        ([], "2 missing"),
    ],
)
def test_a_shard_with_other_answers_is_refused_by_name(tmp_path, second, message):
    write(tmp_path, "2_0.jsonl", QUESTIONS[:2])
    write(tmp_path, "2_1.jsonl", second)
    with pytest.raises(BadInput, match=re.escape(message)) as error:
        join(QUESTIONS, tmp_path, 2)
    assert "2_1.jsonl" in str(error.value)
