"""Changed questions, answers, tables and annotations: the right score, or a refusal, never another score."""

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest

from mmbench_table import MMBENCH_COLUMNS
from mutations.harness import Refusal, main_of
from questions import read_questions

pytestmark = pytest.mark.attack("mutations")

WORDS = ["STOP", "EXIT", "größer", "7"]


def lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def table(rows: list[dict]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, MMBENCH_COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


PROMPTS = [
    f"What is on sign {n}?\nReference OCR token: {word}\nAnswer in a word." for n, word in enumerate(WORDS)
]
TEXTVQA = lines(
    [{"question_id": f"im{n}", "image": f"{n}.png", "text": text} for n, text in enumerate(PROMPTS)]
)
BM1 = lines(
    [
        {
            "question_id": f"im{n}",
            "prompt": text,
            "text": WORDS[n],
            "answer_id": "a",
            "model_id": "m",
            "metadata": {},
        }
        for n, text in enumerate(PROMPTS)
    ]
)
ANNOTATIONS = json.dumps(
    {
        "data": [
            {
                "question_id": 100 + n,
                "image_id": f"im{n}",
                "question": f"What is on sign {n}?",
                "answers": [word] * 10,
            }
            for n, word in enumerate(WORDS)
        ]
    }
).encode()
ROWS = [
    {
        "index": index,
        "question": f'What "is" {index}?',
        "hint": "" if index % 2 else "Look\nwell.",
        **dict(zip("ABCD", ("cube", "ring", "star", "" if index == 3 else "moon"), strict=True)),
        "answer": "ABC"[index % 3],
        "category": "shape",
        "image": "QUJD" * 20,
        "split": "dev",
    }
    for index in (1, 2, 3, 1_000_001)
]
TSV = table(ROWS)
ANSWERS = lines([{"question_id": row["index"], "prompt": "p", "text": row["answer"]} for row in ROWS])


def read(path: Path) -> object:
    return json.loads(path.read_bytes())


def test_scoring_textvqa(attack):
    def act(folder):
        words = ["--annotations", folder / "a.json", "--answers", folder / "bm1.jsonl"]
        main_of("score_textvqa", *words, "--output", folder / "score.json")
        return read(folder / "score.json")

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            assert value["n"] == len(WORDS) == len(value["per_question"])
            if case.name == "bm1.jsonl":  # all answers are right: a changed one can only lose
                mean = sum(value["per_question"].values()) / value["n"]
                assert abs(100 * mean - value["accuracy"]) < 1e-9 and value["accuracy"] <= 100

    attack({"a.json": ANNOTATIONS, "bm1.jsonl": BM1}, act, check)


def test_scoring_mmbench(attack):
    def act(folder):
        words = ["--tsv", folder / "t.tsv", "--answers", folder / "answers.jsonl"]
        main_of("score_mmbench", *words, "--output", folder / "score.json")
        return read(folder / "score.json")

    def check(case, value, expected):
        if isinstance(value, Refusal):
            return
        if case.name == "answers.jsonl":
            given = {
                str(row["question_id"]): row["text"]
                for row in map(json.loads, case.content.decode("utf-8-sig").splitlines())
            }
            right = sum(given[str(row["index"])] == row["answer"] for row in ROWS)
            assert value["plain_accuracy"] == 100 * right / len(ROWS)
        assert value["n_answers"] == len(ROWS)

    attack({"t.tsv": TSV, "answers.jsonl": ANSWERS}, act, check)


def test_the_upload(attack):
    def act(folder):
        words = ["--tsv", folder / "t.tsv", "--answers", folder / "answers.jsonl"]
        main_of("mmbench_upload", *words, "--output", folder / "upload.xlsx")
        sheet = openpyxl.load_workbook(folder / "upload.xlsx").active
        return [[cell.value for cell in row] for row in sheet.iter_rows()]

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            assert len(value) == len(expected)

    attack({"t.tsv": TSV, "answers.jsonl": ANSWERS}, act, check)


def test_joining_shards(attack):
    def act(folder):
        words = ["--question_file", folder / "q.jsonl", "--shards", folder, "--num_chunks", 2]
        main_of("join_shards", *words, "--output", folder / "joined.jsonl")
        return [json.loads(line) for line in (folder / "joined.jsonl").read_bytes().splitlines()]

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            asked = [(row["question_id"], row["text"]) for row in map(json.loads, TEXTVQA.splitlines())]
            if case.name == "q.jsonl":
                assert len(value) == len(asked)
            else:
                assert [(row["question_id"], row["prompt"]) for row in value] == asked

    rows = BM1.splitlines(keepends=True)
    files = {"q.jsonl": TEXTVQA, "2_0.jsonl": b"".join(rows[:2]), "2_1.jsonl": b"".join(rows[2:])}
    attack(files, act, check)


def test_a_table_of_questions(attack):
    def act(folder):
        return [
            (q.question_id, q.prompt, q.options, q.answer, q.image) for q in read_questions(folder / "t.tsv")
        ]

    def check(case, value, expected):
        if isinstance(value, Refusal):
            return
        held = list(csv.reader(io.StringIO(case.content.decode("utf-8-sig"), newline=""), delimiter="\t"))
        assert len(value) == len([row for row in held[1:] if row])
        for index, prompt, *_ in value:
            assert any(str(index) == cell.lstrip("0") or str(index) == cell for row in held for cell in row)
            assert prompt.count("A. ") >= 1

    attack({"t.tsv": TSV}, act, check)


def test_questions_in_lines(attack):
    def act(folder):
        return [(q.question_id, q.prompt, q.image) for q in read_questions(folder / "q.jsonl")]

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            rows = [json.loads(line) for line in case.content.decode("utf-8-sig").rstrip("\n").split("\n")]
            plain = [[row["question_id"], row["text"], row["image"]] for row in rows]
            assert json.dumps(value) == json.dumps(plain)

    attack({"q.jsonl": TEXTVQA}, act, check)
