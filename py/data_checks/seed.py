"""The seed set in either format, and the questions that the conversion restores by its ids."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from data_checks.files import survey
from data_checks.findings import Finding, Findings
from data_checks.images import Twins, outside, unusual
from errors import BadInput
from image_check import look_at
from record_files import read_records
from records import Fault, Record, caption_of
from stage1 import NONE, Question, no_question, question_for, read_stage1
from workers import Workers

if TYPE_CHECKING:  # it imports transformers, for seconds
    from data_checks.samples import Ruler

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LONG = 512  # tokens of a question and caption from which on they are named
Questions = dict[str, Question] | None


def long(record: Record, human: str, ruler: "Ruler") -> tuple[str | None, str | None]:
    """(fault, warning) about the length of the sample that a record is if synthesis leaves it as it is."""
    caption = caption_of(record.text)
    text = human + caption
    if len(text.encode("utf-8")) <= LONG:  # a token has a byte at least
        return None, None
    turns = [{"from": "human", "value": human}, {"from": "gpt", "value": caption}]
    fault, _ = ruler.fault(Path(), {"conversations": turns, "image": record.image})
    if fault and "exceed" in fault:
        return f"{fault.split(';')[0]}; shorten the caption, or let the recipe drop it", None
    tokens = ruler.tokens(text)
    much = f"question and caption of {tokens} tokens, more than {LONG}; short captions train better"
    return fault, much if tokens > LONG else None


def odd(text: str) -> str | None:
    """What is wrong with a text that the stages take as it is."""
    control = CONTROL.search(text)
    return f"control character U+{ord(control.group()):04X} in the text; remove it" if control else None


def look(
    rows: list[tuple[Record, str]], path: Path, ruler: "Ruler | None", store: Path | None
) -> list[tuple[str, list[Finding]]]:
    """(SHA-256 of the image, findings) of each record with its question."""
    images = look_at([str(path.parent / record.image) for record, _ in rows], store)
    answers = []
    for (record, human), image in zip(rows, images, strict=True):
        here = partial(Finding, str(path), record.line, record.id)
        fault, warning = long(record, human, ruler) if ruler else (None, None)
        told = [warning, outside(record.image)]
        told += [] if image.fault else unusual(path.parent / record.image)
        found = [here(words) for words in (image.fault, fault, odd(record.text)) if words]
        answers.append((image.sha256, found + [here(words, warning=True) for words in told if words]))
    return answers


def unasked(record: Record, stage1: Path, questions: Questions) -> str | None:
    """What is wrong with a record whose question is not there."""
    return None if questions is None or record.id in questions else no_question(stage1)


def rows_of(
    path: Path, stage1: Path, questions: Questions, findings: Findings
) -> Iterator[tuple[Record, str]]:
    """The sound records with their questions; what is wrong with the others is a finding."""
    faults: list[Fault] = []
    try:
        for record in read_records(path, faults=faults):
            findings.add(map(Finding.of, faults))
            faults.clear()
            if missing := unasked(record, stage1, questions):
                findings.add([Finding(str(path), record.line, record.id, missing)])
            known = (questions or {}).get(record.id)
            own = record.human if stage1 != NONE else None
            yield record, known.human if known else own or question_for(record.id)
    except BadInput as error:
        findings.add([Finding.of_file(path, error)])
    findings.add(map(Finding.of, faults))


def check_stage1(path: Path, findings: Findings) -> Questions:
    """Check a stage_1.json, and return its questions; None where it cannot be read to its end."""
    findings.start()
    faults: list[Fault] = []
    findings.add(survey(path).warnings)
    questions = None
    try:
        questions = read_stage1(path, faults)
    except BadInput as error:
        findings.add([Finding.of_file(path, error)])
    findings.add(map(Finding.of, faults))
    findings.tell("STAGE1", path, "" if questions is None else f"{len(questions):,} questions")
    return questions


def check_seed(
    path: Path,
    stage1: Path,
    questions: Questions,
    findings: Findings,
    workers: Workers,
    ruler: "Ruler | None",
    store: Path | None,
) -> None:
    """Check the seed at ``path``; ``questions``: those of ``stage1``, None if it needs none from there."""
    findings.start()
    about, twins, ids, images = survey(path), Twins(path), set(), 0
    findings.add(about.warnings)
    rows = rows_of(path, stage1, questions, findings)
    act = partial(look, path=path, ruler=ruler, store=store)
    for some, answers in workers.map(act, rows, path.name, about.records):
        for (record, _), (digest, found) in zip(some, answers, strict=True):
            ids.add(record.id)
            findings.add(found)
            if digest:
                images += 1
                findings.add(twins.look(record.place, record.line, record.id, digest))
    idle = [identity for identity in questions or () if identity not in ids]
    if idle:
        message = f"{len(idle):,} of its ids are not in {path.name} (first: {', '.join(islice(idle, 3))})"
        findings.add([Finding(str(stage1), None, None, f"{message}; they are passed over", warning=True)])
    told = f"{len(ids):,} sound records and ids, {images:,} images ({len(twins.seen):,} different)"
    findings.tell("SEED", path, told)
