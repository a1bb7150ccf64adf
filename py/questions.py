"""The two tests' question files as the challenge ships them, and the check that a set of answers is complete.

TextVQA: ``llava_textvqa_val_v051_ocr.jsonl``. MMBench: ``mmbench_dev_20230712.tsv``, whose circular variants
of a question carry its index + k·1,000,000. Prompts are those of the kit's ``model_vqa_loader.py`` and
``model_vqa_mmbench.py``.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from pathlib import Path

from errors import BadInput
from json_files import read_jsonl

OPTION_LETTERS = "ABCD"
CIRCULAR_STEP = 1_000_000
OCR_MARK = "Reference OCR token:"
DIRECT_ANSWER = "Answer with the option's letter from the given choices directly."
MMBENCH_COLUMNS = ["index", "question", "hint", *OPTION_LETTERS, "answer", "category", "image", "split"]
LONGEST_INDEX = 64  # letters; what is longer is an image
TEXTS = ("hint", *OPTION_LETTERS)
# pandas.read_table's, whose import would take two seconds
EMPTY_CELLS = frozenset({"", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "n/a", "NA", "NULL", "null", "None"})
EMPTY_CELLS |= {"NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}


@dataclass(frozen=True)
class Question:
    """A question: ``prompt`` as its answer line has it, ``image`` a path (TextVQA) or base64 (MMBench)."""

    question_id: str | int
    prompt: str
    image: str
    options: tuple[str, ...] = ()
    answer: str = ""
    category: str = ""


def textvqa_fault(line: dict) -> str | None:
    """What keeps a line from being a TextVQA question, and the remedy; None if nothing."""
    missing = [name for name in ("question_id", "image", "text") if name not in line]
    if missing:
        return f"lacks {', '.join(missing)}; is this a TextVQA question file?"
    if not isinstance(line["image"], str) or not isinstance(line["text"], str) or not line["image"]:
        return "image and text must be strings; correct the line"
    return None


def read_textvqa(path: str | Path) -> list[Question]:
    """The questions in file order; in the official file ``question_id`` is the image's, so it may repeat."""
    questions = []
    for number, line in read_jsonl(path):
        if fault := textvqa_fault(line):
            raise BadInput(f"{path}:{number}: {fault}")
        questions.append(Question(line["question_id"], line["text"], line["image"]))
    if not questions:
        raise BadInput(f"{path}: holds no question; make the evaluation set again")
    return questions


def mmbench_table(path: str | Path) -> list[tuple[int, dict]]:
    """(line number, row by column) of an MMBench table, every cell as written."""
    csv.field_size_limit(2**31 - 1)  # a cell holds an image
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", restkey="beyond", restval="")
            rows, names = [(reader.line_num, row) for row in reader], reader.fieldnames or []
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not a readable table ({error}); restore the official file") from error
    absent = [name for name in MMBENCH_COLUMNS if name not in names]
    if absent:
        raise BadInput(f"{path}: lacks the columns {', '.join(absent)}; is this an MMBench question file?")
    if not rows:
        raise BadInput(f"{path}: holds no question; make the evaluation set again")
    return rows


def index_fault(row: dict, seen: set[str]) -> str | None:
    """What is wrong with a row's number of cells or its index, which ``seen`` gets; None if nothing."""
    index, long = row["index"], "beyond" in row
    if long or not (index.isascii() and index.isdecimal() and len(index) <= LONGEST_INDEX) or index in seen:
        return "has too many cells" if long else "appears twice" if index in seen else "is no number"
    seen.add(index)
    return None


def with_gaps(row: dict) -> dict:
    """``row`` with an integer as its index, and None where the kit's pandas has NaN."""
    gaps = {name: None for name, cell in row.items() if cell in EMPTY_CELLS}
    return row | gaps | {"index": int(row["index"])}


def read_mmbench_rows(path: str | Path) -> list[dict]:
    """The rows by column: ``index`` an integer, other cells text, or None where the kit's pandas has NaN."""
    rows, seen = mmbench_table(path), set()
    for _, row in rows:
        if fault := index_fault(row, seen):
            raise BadInput(f"{path}: index {row['index'][:LONGEST_INDEX]} {fault}; restore the official file")
    return [with_gaps(row) for _, row in rows]


def mmbench_question(row: dict, images: dict[int, str | None]) -> Question:
    """The question of a row; prompt = hint, question and one ``A. …`` line per option.

    A cell may hold, instead of an image, the index of the row in ``images`` that has it. Raises `BadInput`
    without the file's name.
    """
    hint, *options = (None if str(row[name]).lower() in ("nan", "none") else row[name] for name in TEXTS)
    options = tuple(takewhile(bool, options))  # the official script stops at the first empty option
    if not options:
        raise BadInput(f"question {row['index']} has no option A; restore the official file")
    image = row["image"] or ""
    if len(image) <= LONGEST_INDEX and image.isdecimal():
        of, image = image, images.get(int(image)) or ""
        if len(image) <= LONGEST_INDEX:
            raise BadInput(f"question {row['index']} has the image of {of}, where none is; restore the table")
    lines = [hint] if hint else []
    lines += [str(row["question"])]
    lines += [f"{letter}. {text}" for letter, text in zip(OPTION_LETTERS, options, strict=False)]
    facts = {"options": options, "answer": row["answer"] or "", "category": row["category"] or ""}
    return Question(row["index"], "\n".join(lines), image, **facts)


def read_mmbench(path: str | Path) -> list[Question]:
    """The questions in file order."""
    rows = read_mmbench_rows(path)
    images = {row["index"]: row["image"] for row in rows}
    try:
        return [mmbench_question(row, images) for row in rows]
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def read_questions(path: str | Path) -> list[Question]:
    """Either test's questions, told apart by the name's ending (``.tsv`` is MMBench)."""
    return read_mmbench(path) if Path(path).suffix == ".tsv" else read_textvqa(path)


def chunk(questions: list[Question], num_chunks: int, chunk_idx: int) -> list[Question]:
    """Run ``chunk_idx`` of ``num_chunks`` equally long ones, the last shorter or empty (the kit's split)."""
    if not 0 <= chunk_idx < num_chunks:
        raise BadInput(f"--chunk_idx {chunk_idx} with --num_chunks {num_chunks}: use 0 to {num_chunks - 1}")
    size = ceil(len(questions) / num_chunks)
    return questions[chunk_idx * size : (chunk_idx + 1) * size]


def require_exactly(expected: Iterable[str], found: Iterable[str], where: str | Path) -> None:
    """Raise `BadInput` with counts and first ids unless ``found`` holds each expected id once."""
    expected, found = Counter(expected), Counter(found)
    known = {name: count for name, count in found.items() if name in expected}
    faults = {
        "missing": [name for name in expected if name not in found],
        "unknown": [name for name in found if name not in expected],
        "repeated": [name for name, count in known.items() if count > expected[name]],
    }
    told = [f"{len(ids)} {fault} (first: {', '.join(ids[:3])})" for fault, ids in faults.items() if ids]
    if told:
        told = "; ".join(told)
        raise BadInput(f"{where}: the answers do not match the questions: {told}; answer the test again")
