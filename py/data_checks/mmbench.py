"""MMBench's table: columns, indices, options, answers, images in base64, circular variants."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from answer_mmbench import image_file
from data_checks.findings import Finding, Findings
from errors import BadInput
from mmbench_table import CIRCULAR_STEP, LONGEST_INDEX, index_fault, read_cells, with_gaps
from questions import Question, mmbench_question, read_mmbench
from score_mmbench import exact_option
from workers import Workers

TABLE = "mmbench_dev_20230712.tsv"


def look(rows: list[tuple[int, Question]], path: Path) -> list[list[Finding]]:
    """What is wrong with the image of each question, by the evaluation's own reader."""
    answers = []
    for line, question in rows:
        try:
            image_file(path, question).picture()
            answers.append([])
        except BadInput as error:
            message = str(error).removeprefix(f"{path}: ")
            answers.append([Finding(str(path), line, question.question_id, message)])
    return answers


def rows_of(path: Path, table: list[tuple[int, dict]], findings: Findings) -> Iterator[tuple[int, Question]]:
    """The sound questions by line; what is wrong with the others is a finding."""
    seen: set[str] = set()
    sound = []
    for line, row in table:
        if fault := index_fault(row, seen):
            index = row["index"][:LONGEST_INDEX]  # behind a lone quote it is the rest of the file
            found = f"index {index!r} {fault}; correct or remove the row, or close a quote above it"
            findings.add([Finding(str(path), line, index, found)])
        else:
            sound.append((line, with_gaps(row)))
    images = {row["index"]: row["image"] for _, row in sound}
    for line, row in sound:
        here = partial(Finding, str(path), line, row["index"])
        try:
            question = mmbench_question(row, images)
        except BadInput as error:
            findings.add([here(str(error))])
            continue
        if not exact_option(question.answer, question.options):
            given = "ABCD"[: len(question.options)]
            findings.add([here(f"answer {question.answer!r} is none of the options {given}; correct it")])
        if not question.category:
            findings.add([here("empty category; name one")])
        if row["question"] is None:
            findings.add([here("empty question; write one")])
        yield line, question


def incomplete(path: Path, rows: list[tuple[int, Question]]) -> Iterator[Finding]:
    """Groups of circular variants in which one is missing; a question that is asked once is a warning."""
    groups: dict[int, dict[int, tuple[int, Question]]] = defaultdict(dict)
    for line, question in rows:
        turn, group = divmod(question.question_id, CIRCULAR_STEP)
        groups[group][turn] = line, question
    once = [group for group, turns in groups.items() if list(turns) == [0]]
    for turns in groups.values():
        line, question = next(iter(turns.values()))
        missing = sorted(set(range(len(question.options))) - set(turns))
        if missing and list(turns) != [0]:
            of = ", ".join(
                str(question.question_id % CIRCULAR_STEP + turn * CIRCULAR_STEP) for turn in missing
            )
            message = f"circular variants are missing: {of}; add them, or remove the other variants"
            yield Finding(str(path), line, question.question_id, message)
    if once:
        message = (
            f"{len(once)} of {len(groups)} questions have no circular variants; each counts as asked once"
        )
        yield Finding(str(path), None, None, message, warning=True)


def agreed(path: Path) -> Iterator[Finding]:
    """What the evaluation itself would say, after all the above: nothing, else it is a finding too."""
    try:
        read_mmbench(path)
    except BadInput as error:
        yield Finding(str(path), None, None, f"the evaluation refuses it: {error}")


def check_mmbench(folder: Path, findings: Findings, workers: Workers) -> None:
    """Check the table in ``folder``."""
    findings.start()
    path, rows, before = folder / TABLE, [], findings.faults
    if not path.is_file():
        findings.add([Finding(str(path), None, None, "is missing; restore it")])
        return findings.tell("EVAL_DATA", folder, "")
    try:
        table = read_cells(path)
        asked = rows_of(path, table, findings)
        for some, answers in workers.map(partial(look, path=path), asked, path.name, len(table)):
            rows += [(line, replace(question, image="")) for line, question in some]
            for found in answers:
                findings.add(found)
        findings.add(incomplete(path, rows))
    except BadInput as error:
        findings.add([Finding.of_file(path, error)])
    if findings.faults == before:
        findings.add(agreed(path))
    groups = len({question.question_id % CIRCULAR_STEP for _, question in rows})
    findings.tell("EVAL_DATA", path, f"{len(rows):,} rows, {groups:,} questions")
