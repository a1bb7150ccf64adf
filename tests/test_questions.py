"""Question files as the official scripts read them, and the split into chunks."""

import pytest

from errors import BadInput
from mmbench_table import MMBENCH_COLUMNS
from questions import Question, chunk, read_mmbench, read_questions, read_textvqa


def write_tsv(path, *rows):
    """Rows as dicts over empty cells."""
    lines = ["\t".join(MMBENCH_COLUMNS)]
    lines += ["\t".join(str(row.get(column, "")) for column in MMBENCH_COLUMNS) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


ROW = {
    "index": 1,
    "question": "Which?",
    "A": "cat",
    "B": "dog",
    "answer": "B",
    "category": "c",
    "image": "aW1n",
}


@pytest.mark.parametrize(
    ("change", "prompt"),
    [
        ({}, "Which?\nA. cat\nB. dog"),
        ({"hint": "Look."}, "Look.\nWhich?\nA. cat\nB. dog"),
        ({"hint": "nan"}, "Which?\nA. cat\nB. dog"),
        ({"hint": "NONE", "C": "cow", "D": "7"}, "Which?\nA. cat\nB. dog\nC. cow\nD. 7"),
        ({"B": "none", "C": "cow"}, "Which?\nA. cat"),  # the official script stops at the first empty option
    ],
)
def test_the_mmbench_prompt_is_hint_question_and_options(tmp_path, change, prompt):
    (question,) = read_mmbench(write_tsv(tmp_path / "m.tsv", ROW | change))
    assert question.prompt == prompt
    assert len(question.options) == prompt.count(". ")
    assert (question.question_id, question.answer, question.image) == (1, "B", "aW1n")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no question"),
        ([ROW, ROW], "index 1 appears twice"),
        ([ROW | {"index": "x7"}], "index x7 is no number"),
        ([ROW | {"A": ""}], "question 1 has no option A"),
        ([ROW | {"split": "dev\tmore"}], "index 1 has too many cells"),
        ([ROW | {"index": ""}], "is no number"),
        ([ROW | {"index": "9" * 5_000}], "index 9{64} is no number"),
    ],
)
def test_a_damaged_mmbench_table_is_refused(tmp_path, rows, message):
    with pytest.raises(BadInput, match=message):
        read_mmbench(write_tsv(tmp_path / "m.tsv", *rows))


@pytest.mark.parametrize("text", ["", "<html>not found</html>\n"])
def test_a_table_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "m.tsv"
    path.write_text(text)
    with pytest.raises(BadInput, match="lacks the columns index, question"):
        read_questions(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "holds no question"), ('{"question_id": 1}\n', ":1: lacks image, text"), ("{\n", ":1: ")],
)
def test_a_damaged_textvqa_file_is_refused(tmp_path, content, message):
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    with pytest.raises(BadInput, match=message):
        read_textvqa(path)


@pytest.mark.parametrize(("count", "num_chunks"), [(10, 1), (10, 3), (5, 4), (2, 4), (7, 7)])
def test_the_chunks_together_are_the_questions_in_order(count, num_chunks):
    questions = [Question(i, "", "") for i in range(count)]
    chunks = [chunk(questions, num_chunks, i) for i in range(num_chunks)]
    assert sum(chunks, []) == questions  # noqa: RUF017
    assert max(map(len, chunks)) == -(-count // num_chunks)


def test_a_chunk_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="use 0 to 1"):
        chunk([], 2, 2)
