"""What the page is made from, read and checked: the ledger, its summary, the recipe, the seed's images."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from records import BadInput, read_json, read_jsonl, read_records

LINE_TYPES = {"id": str | None, "stats": dict, "selected": bool, "repeated": int, "op": str | None}
SUMMARY_TYPES = {"seed": int, "kept": int, "recaptioned": int, "dropped": dict, "selected": int}
SUMMARY_TYPES |= {"unique": int, "synthesised": int}


def check_line(line: dict) -> bool:
    """Whether ``line`` has what a ledger's line must have."""
    captions = (line.get("seed_caption"), line.get("caption"))
    return (
        line.get("outcome") in ("kept", "recaptioned", "dropped")
        and has(line, LINE_TYPES)
        and all(isinstance(caption, str | None) for caption in captions)
        and isinstance(line.get("notes", {}), dict)
    )


def read_ledger(path: Path) -> Iterator[tuple[int, dict]]:
    """(number, line) of a ledger; raises `BadInput` at the first line that is none."""
    for number, line in read_jsonl(path):
        if not check_line(line):
            raise BadInput(f"{path}:{number}: not a ledger's line; make it again with 'make synth'")
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
    summary = read_json(path)
    if not isinstance(summary, dict) or not check_summary(summary):
        raise BadInput(f"{path}: not a summary of 'make synth'; make it again")
    return summary


def check_summary(summary: dict) -> bool:
    """Whether ``summary`` has what the page tells of it."""
    steps, thresholds = summary.get("steps") or [], summary.get("thresholds") or []
    return (
        has(summary, SUMMARY_TYPES)
        and all(has(step, {"op": str, "in": int, "out": int, "changed": int}) for step in steps)
        and all(has(found, {"op": str, "statistic": str, "given": dict}) for found in thresholds)
        and all(isinstance(counts, dict) for counts in (summary.get("notes") or {}).values())
    )


def has(value: dict, types: dict) -> bool:
    """Whether ``value`` has a field of each name and type."""
    return all(name in value and isinstance(value[name], kind) for name, kind in types.items())


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
