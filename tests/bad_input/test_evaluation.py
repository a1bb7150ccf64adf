"""Questions, answers and annotations that give no score: file, line or question and remedy are said."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks import require_refusal, untouched
from forks import Forks

pytestmark = pytest.mark.attack("bad input")
PROMPT = "what is it?\nReference OCR token: A\nAnswer the question using a single word or phrase."
ANSWER = {"question_id": "p", "prompt": PROMPT, "text": "a cube"}
QUESTION = {"question_id": "p", "image": "p.jpg", "text": PROMPT}
ANNOTATION = {"question_id": 1, "image_id": "p", "question": "What is it?", "answers": ["a cube"] * 10}
COLUMNS = ["index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "split"]
ROW = ["7", "Which?", "", "red", "blue", "", "", "A", "colour", "x" * 80, "dev"]
LETTER = {"question_id": 7, "prompt": "Which?\nA. red\nB. blue", "text": "A"}
FILES = (
    "answers.jsonl",
    "questions.jsonl",
    "annotations.json",
    "mmbench.tsv",
    "letters.jsonl",
    "shards/1_0.jsonl",
)
SCRIPTS = {
    "score_textvqa": ["score_textvqa.py", "--annotations", "annotations.json", "--answers", "answers.jsonl"],
    "score_mmbench": ["score_mmbench.py", "--tsv", "mmbench.tsv", "--answers", "letters.jsonl"],
    "upload": ["mmbench_upload.py", "--tsv", "mmbench.tsv", "--answers", "letters.jsonl"],
    "join": [
        "join_shards.py",
        "--question_file",
        "questions.jsonl",
        "--shards",
        "shards",
        "--num_chunks",
        "1",
    ],
}


def lines(*values: object) -> str:
    return "".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values)


def table(*rows: list[str], columns: list[str] = COLUMNS) -> str:
    return "".join("\t".join(row) + "\n" for row in (columns, *rows))


def row(**cells: str) -> list[str]:
    return [cells.get(name, cell) for name, cell in zip(COLUMNS, ROW, strict=True)]


SOUND = {
    "answers.jsonl": lines(ANSWER),
    "questions.jsonl": lines(QUESTION),
    "annotations.json": json.dumps({"data": [ANNOTATION]}),
    "mmbench.tsv": table(ROW),
    "letters.jsonl": lines(LETTER),
    "shards/1_0.jsonl": lines(ANSWER),
}
A, N, T, L, S = "answers.jsonl", "annotations.json", "mmbench.tsv", "letters.jsonl", "shards/1_0.jsonl"
AGAIN = "answer the test again"
# name, script, file, its content, words
ROWS = [
    ("no answer at all", "score_textvqa", A, "", f"holds no answer; {AGAIN}"),
    ("an answer that is no JSON", "score_textvqa", A, "{", "answers.jsonl:1: not valid JSON"),
    ("an answer without its text", "score_textvqa",
     A, lines({"question_id": "p"}), f"lacks prompt, text; {AGAIN}"),
    ("an answer that is a number", "score_textvqa",
     A, lines(ANSWER | {"text": 3}), "text must be text, not 3"),
    ("a prompt that is null", "score_textvqa",
     A, lines(ANSWER | {"prompt": None}), "prompt must be text, not N"),
    ("an id that is a list", "score_textvqa", A, lines(ANSWER | {"question_id": []}), "question_id must be"),
    ("an answer given twice", "score_textvqa", A, lines(ANSWER, ANSWER), "1 repeated"),
    ("an answer to another question", "score_textvqa", A, lines(ANSWER | {"question_id": "q"}), "1 missing"),
    ("annotations that are a list", "score_textvqa", N, "[]", "holds no questions under 'data'"),
    ("annotations that are a number", "score_textvqa", N, '{"data": 5}', "holds no questions under 'data'"),
    ("an annotation that is text", "score_textvqa", N, '{"data": ["x"]}', "question number 0 is no object"),
    ("nine answers of people", "score_textvqa",
     N, json.dumps({"data": [ANNOTATION | {"answers": ["x"] * 9}]}),
     "question 1 has 9 answers, not 10"),
    ("answers of people in one text", "score_textvqa",
     N, json.dumps({"data": [ANNOTATION | {"answers": "x" * 10}]}),
     "question 1: answers must be a list, not 'xxxxxxxxxx'; restore the file"),
    ("a person's answer that is null", "score_textvqa", N,
     json.dumps({"data": [ANNOTATION | {"answers": [None] * 10}]}), "question 1: answers.0 must be text"),
    ("a question that is a number", "score_textvqa", N, json.dumps({"data": [ANNOTATION | {"question": 3}]}),
     "question 1: question must be text, not 3; restore the file"),
    ("no letter at all", "score_mmbench", L, "", f"holds no answer; {AGAIN}"),
    ("a letter to no question", "score_mmbench",
     L, lines(LETTER | {"question_id": 8}), "1 missing (first: 7)"),
    ("a letter that is a number", "score_mmbench",
     L, lines(LETTER | {"text": 1}), "lacks question_id or text"),
    ("a table without a column", "score_mmbench",
     T, table(ROW[:-1], columns=COLUMNS[:-1]), "lacks the columns split"),
    ("a table without a row", "score_mmbench",
     T, table(), "holds no question; make the evaluation set again"),
    ("a table that is empty", "score_mmbench", T, "", "lacks the columns index"),
    ("a table that is a web page", "score_mmbench", T, "<html>\n<body>\n",
     "is this an MMBench question file?"),
    ("a table with commas", "score_mmbench", T, table(ROW).replace("\t", ","), "lacks the columns index"),
    ("an index in words", "score_mmbench", T, table(row(index="seven")), "index seven is no number; restore"),
    ("an index that stands twice", "score_mmbench", T, table(ROW, ROW), "index 7 appears twice; restore"),
    ("a row with too many cells", "score_mmbench", T, table([*ROW, "more"]), "index 7 has too many cells"),
    ("a question without options", "score_mmbench", T, table(row(A="")), "question 7 has no option A"),
    ("a question without its answer", "score_mmbench",
     T, table(row(answer="")), "question 7 has no right answer"),
    ("the image of a row that is gone", "score_mmbench",
     T, table(row(image="9")), "has the image of 9, where none"),
    ("an upload of no answers", "upload", L, "", f"holds no answer; {AGAIN}"),
    ("an upload of another test", "upload", L, lines(ANSWER), "the answers do not match the questions"),
    ("a shard that was cut", "join", S, "", "1 missing"),
    ("a shard in half a line", "join", S, '{"question_id": "p", "pro', "1_0.jsonl:1: not valid JSON"),
    ("a shard with another prompt", "join", S, lines(ANSWER | {"prompt": "?"}), "do not match the questions"),
    ("questions without an image", "join", "questions.jsonl",
     lines({"question_id": 1, "text": "x"}), "lacks image"),
    ("questions whose image is a list", "join", "questions.jsonl", lines(QUESTION | {"image": ["a"]}),
     "questions.jsonl:1: image and text must be strings; correct the line"),
    ("no questions", "join", "questions.jsonl", "", "holds no question; make the evaluation set again"),
]  # fmt: skip


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks("openpyxl") as scripts:
        yield scripts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound files for each script, and what it wrote earlier."""
    for name, content in SOUND.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/made").write_text("earlier")
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_sound_files_pass(folder, scripts, script):
    done = scripts.run([*SCRIPTS[script], "--output", "out/made"], folder)
    assert done.returncode == 0, done.stdout
    assert (folder / "out/made").read_bytes() != b"earlier"


@pytest.mark.parametrize("script, file, content, words", [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_what_gives_no_score_is_named(folder, scripts, script, file, content, words):
    (folder / file).write_text(content)
    with untouched(folder / "out"):
        done = scripts.run([*SCRIPTS[script], "--output", "out/made"], folder)
        require_refusal(done, Path(file).name, words)
