"""TextVQA in the official layout: questions, annotations, images."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from answer_textvqa import image_file, protocol
from data_checks.files import survey
from data_checks.findings import Finding, Findings
from errors import BadInput
from json_files import read_json, read_objects
from questions import OCR_MARK, Question, read_textvqa, textvqa_fault
from score_textvqa import match, question_of, read_annotations
from workers import Workers

QUESTIONS, ANNOTATIONS, IMAGES = "llava_textvqa_val_v051_ocr.jsonl", "TextVQA_0.5.1_val.json", "train_images"


def look(rows: list[tuple[int, Question]], path: Path) -> list[list[Finding]]:
    """What is wrong with the image of each question, by the evaluation's own reader."""
    answers = []
    for line, question in rows:
        try:
            image_file(path.parent / IMAGES, question).picture()
            answers.append([])
        except BadInput as error:
            answers.append([Finding(str(path), line, question.question_id, str(error))])
    return answers


def rows_of(path: Path, findings: Findings) -> Iterator[tuple[int, Question]]:
    """The sound questions by line; what is wrong with the others is a finding."""
    for number, line in read_objects(path):
        fault = line if isinstance(line, str) else textvqa_fault(line)
        if fault:
            name = None if isinstance(line, str) else line.get("question_id")
            findings.add([Finding(str(path), number, name, fault)])
        else:
            yield number, Question(line["question_id"], line["text"], line["image"])


def annotation_fault(annotation: Any) -> str | None:
    """What is wrong with an annotation, and the remedy; None if nothing."""
    if not isinstance(annotation, dict):
        return "is no object; restore it"
    absent = [key for key in ("question_id", "image_id", "question", "answers") if key not in annotation]
    if absent:
        return f"lacks {', '.join(absent)}; restore it"
    answers = annotation["answers"]
    if not isinstance(annotation["question"], str) or not isinstance(answers, list):
        return "question must be a string and answers a list; correct it"
    if len(answers) != 10 or not all(isinstance(answer, str) for answer in answers):
        return f"has {len(answers)} answers, not 10 strings; correct it"
    return None


def sound_annotations(known: Path, findings: Findings) -> list[dict]:
    """The annotations that can be scored by; what is wrong with the others is a finding."""
    document = read_json(known)
    annotations = document.get("data") if isinstance(document, dict) else None
    if not isinstance(annotations, list) or not annotations:
        raise BadInput(f"{known}: holds no questions under 'data'; is this a TextVQA annotation file?")
    sound = []
    for place, annotation in enumerate(annotations):
        if fault := annotation_fault(annotation):
            name = annotation.get("question_id") if isinstance(annotation, dict) else None
            name = f"number {place}" if name is None else name
            findings.add([Finding(str(known), None, name, f"annotation {fault}")])
        else:
            sound.append(annotation)
    return sound


def unmatched(
    path: Path, rows: list[tuple[int, Question]], known: Path, annotations: list[dict]
) -> Iterator[Finding]:
    """Questions without an annotation of their own, and annotations without a question."""
    by_question, by_id = defaultdict(list), defaultdict(list)
    for place, annotation in enumerate(annotations):
        by_question[str(annotation["image_id"]), annotation["question"].lower()].append(place)
        by_id[str(annotation["question_id"])].append(place)
    lines: dict[int, list[int]] = defaultdict(list)
    taken = set()
    for line, question in rows:
        name = str(question.question_id)
        places = by_question.get((name, question_of(question.prompt))) or by_id.get(name)
        if not places:
            yield Finding(
                str(path), line, name, f"no annotation of this question in {known.name}; add it there"
            )
            continue
        before = lines[places[0]]
        if len(before) == len(places):
            message = f"stands on line {before[0]} already; remove one of the two, or annotate it twice"
            yield Finding(str(path), line, name, message)
        else:
            taken.add(places[len(before)])
            before.append(line)
    for place, annotation in enumerate(annotations):
        if place not in taken:
            message = f"annotation without a question in {path.name}; add the question, or remove it"
            yield Finding(str(known), None, annotation["question_id"], message)


def agreed(path: Path, known: Path) -> Iterator[Finding]:
    """What the evaluation itself would say, after all the above: nothing, else it is a finding too."""
    try:
        questions, annotations = read_textvqa(path), read_annotations(known)
        answers = [{"question_id": q.question_id, "prompt": q.prompt, "text": ""} for q in questions]
        match(annotations, answers, path)
    except BadInput as error:
        yield Finding(str(path), None, None, f"the evaluation refuses it: {error}")


def check_textvqa(folder: Path, findings: Findings, workers: Workers) -> None:
    """Check the set in ``folder``."""
    findings.start()
    path, known = folder / QUESTIONS, folder / ANNOTATIONS
    missing = [file for file in (path, known, folder / IMAGES) if not file.exists()]
    if missing:
        findings.add(Finding(str(file), None, None, "is missing; restore it") for file in missing)
        return findings.tell("EVAL_DATA", folder, "")
    before, about = findings.faults, survey(path)
    findings.add(about.warnings)
    rows = []
    try:
        asked = rows_of(path, findings)
        for some, answers in workers.map(partial(look, path=path), asked, path.name, about.records):
            rows += some
            for found in answers:
                findings.add(found)
        findings.add(unmatched(path, rows, known, sound_annotations(known, findings)))
    except BadInput as error:
        findings.add([Finding.of_file(known if str(error).startswith(str(known)) else path, error)])
    if findings.faults == before:
        findings.add(agreed(path, known))
    of = protocol([question for _, question in rows])
    if rows and of["prompts_with_ocr_tokens"] < len(rows):
        message = f"{len(rows) - of['prompts_with_ocr_tokens']} of {len(rows)} questions lack '{OCR_MARK}'"
        named = "; the test is named textvqa_pure" if of["test"] != "textvqa" else "; add the line"
        findings.add([Finding(str(path), None, None, message + named, warning=True)])
    images = len({question.image for _, question in rows})
    findings.tell("EVAL_DATA", path, f"{len(rows):,} questions, {images:,} images")
