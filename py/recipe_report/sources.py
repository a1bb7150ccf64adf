"""What the page is made from, read and checked: the ledger, its summary, the recipe, the seed's images."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from errors import BadInput
from json_files import read_jsonl
from record_files import read_records
from shapes import misfit, read_shaped

OUTCOMES = ("kept", "recaptioned", "dropped")
LINE = {"id": (None, str), "stats": {}, "selected": bool, "repeated": int, "op": (None, str)}
LINE |= {"seed_caption?": (None, str), "caption?": (None, str), "notes?": {}}
SUMMARY = {"seed": int, "kept": int, "recaptioned": int, "dropped": {...: int}, "selected": int}
SUMMARY |= {"unique": int, "synthesised": int, "notes?": (None, {...: {...: int}})}
SUMMARY |= {"steps?": (None, [{"op": str, "in": int, "out": int, "changed": int}])}
SUMMARY |= {"thresholds?": (None, [{"op": str, "statistic": str, "given": {}}])}
"""Older ones may lack what has a question mark."""


def read_ledger(path: Path) -> Iterator[tuple[int, dict]]:
    """(number, line) of a ledger; raises `BadInput` at the first line that is none."""
    for number, line in read_jsonl(path):
        fault = misfit(line, LINE)
        if fault or line.get("outcome") not in OUTCOMES:
            told = fault or f"outcome must be one of {', '.join(OUTCOMES)}"
            raise BadInput(f"{path}:{number}: not a ledger's line ({told}); make it again with 'make synth'")
        yield number, line


def find_lines(path: Path, ids: Iterable[str]) -> dict[str, dict]:
    """{id: ledger's line} of those of ``ids`` that are there."""
    wanted, found = set(ids), {}
    if wanted:
        for _, line in read_ledger(path):
            if line["id"] in wanted:
                found[line["id"]] = line
                if len(found) == len(wanted):
                    break
    return found


def read_summary(path: Path) -> dict:
    """A checked synth.summary.json; older ones may lack ``steps``, ``thresholds`` and ``notes``."""
    return read_shaped(path, SUMMARY, "not a summary of 'make synth'; make it again")


def read_recipe(path: Path) -> tuple[list[str], str]:
    """The paragraphs of a recipe's head comment, and the YAML after it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 ({error.reason}); save the recipe as UTF-8") from error
    head = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return paragraphs([line.removeprefix("#").removeprefix(" ") for line in lines[:head]]), "\n".join(
        lines[head:]
    )


def paragraphs(lines: list[str]) -> list[str]:
    """``lines`` of a comment joined where they only go on: a list's item or another indentation begins anew.

    >>> paragraphs(["Two", "lines.", "  1. An item", "     of two lines.", "The end."])
    ['Two lines.', '1. An item of two lines.', 'The end.']
    """
    found, before = [], ""
    for line in lines:
        item = re.match(r"\s*(\d+[.)]|[-*])\s", line)
        if (
            found
            and line.strip()
            and not item
            and line.startswith(" ") == before.startswith(" ")
            and before.strip()
        ):
            found[-1] += f" {line.strip()}"
        elif line.strip():
            found.append(line.strip())
        before = line
    return found


def read_images(seed: Path, ids: Iterable[str]) -> dict[str, Path]:
    """{id: image} of those of ``ids`` that the seed file has; lines that are no records are passed over."""
    wanted = set(ids)
    faults: list = []
    rows = read_records(seed, unique=False, faults=faults)
    return {row.id: seed.parent / row.image for row in rows if row.id in wanted}
