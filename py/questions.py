"""The two tests' question files as the challenge ships them, and the check that a set of answers is complete.

TextVQA: ``llava_textvqa_val_v051_ocr.jsonl``. MMBench: ``mmbench_dev_20230712.tsv``. Prompts are those of the
kit's ``model_vqa_loader.py`` and ``model_vqa_mmbench.py``.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from pathlib import Path

from errors import BadInput
from json_files import read_jsonl
from mmbench_table import LONGEST_INDEX, OPTION_LETTERS, read_mmbench_rows

OCR_MARK = "Reference OCR token:"
DIRECT_ANSWER = "Answer with the option's letter from the given choices directly."
TEXTS = ("hint", *OPTION_LETTERS)


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
