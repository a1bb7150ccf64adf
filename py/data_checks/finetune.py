"""The finetuning set: a LLaVA list, with or without images, of one round or several."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from data_checks.files import survey
from data_checks.findings import Finding, Findings
from data_checks.images import Twins, outside, unusual
from data_checks.samples import Ruler, Samples, form_fault
from errors import BadInput
from image_check import look_at
from json_files import read_list
from workers import Workers

Row = tuple[int, int, Any]  # line, place, entry


def look(
    rows: list[Row], path: Path, ruler: Ruler | None, store: Path | None
) -> list[tuple[str, list[Finding]]]:
    """(SHA-256 of the image, findings) of each entry."""
    answers = []
    for line, place, entry in rows:
        fault, cut = ruler.fault(path, entry) if ruler else (form_fault(path, entry), None)
        identity = entry.get("id") if isinstance(entry, dict) else None
        name = entry.get("image") if isinstance(entry, dict) else None
        here = partial(Finding, str(path), line, identity if identity is not None else f"#{place - 1}")
        found = [here(fault)] if fault else []
        digest, told = "", [cut]
        if isinstance(name, str) and name:
            image = Samples(path, [entry], None, None).image_path(0)
            digest, fault = look_at([str(image)], store)[0]
            if name.startswith("/"):
                fault = f"image {name!r} is an absolute path; write it relative to the file"
            found += [here(fault)] if fault else []
            told += [outside(name), *([] if fault else unusual(image))]
        answers.append((digest, found + [here(words, warning=True) for words in told if words]))
    return answers


def entries(path: Path, findings: Findings) -> Iterator[Row]:
    """The entries; where the file stops being a list, that is a finding."""
    place = 0
    try:
        for place, (line, entry) in enumerate(read_list(path), start=1):
            yield line, place, entry
    except BadInput as error:
        findings.add([Finding.of_file(path, error)])
    else:
        if not place:
            findings.add([Finding(str(path), None, None, "holds no sample; make it again")])


def check_finetune(
    path: Path, findings: Findings, workers: Workers, ruler: Ruler | None, store: Path | None
) -> None:
    """Check the set at ``path``."""
    findings.start()
    about, twins, first = survey(path), Twins(path), {}
    findings.add(about.warnings)
    counts = {"records": 0, "images": 0}
    act = partial(look, path=path, ruler=ruler, store=store)
    for rows, answers in workers.map(act, entries(path, findings), path.name, about.records):
        for (line, place, entry), (digest, found) in zip(rows, answers, strict=True):
            findings.add(found)
            counts["records"] += 1
            identity = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(identity, str | int) and first.setdefault(identity, (place, line))[0] != place:
                message = f"stands on line {first[identity][1]} already; give each sample an id of its own"
                findings.add([Finding(str(path), line, identity, message, warning=True)])
            if digest:
                counts["images"] += 1
                findings.add(twins.look(place, line, identity, digest))
    ids = f"{len(first):,} ids"
    told = (
        f"{counts['records']:,} records, {counts['images']:,} images ({len(twins.seen):,} different), {ids}"
    )
    findings.tell("FINETUNE_DATA", path, told)
