"""What in the files of a Data-Juicer run no run writes: looked for after an error, for it costs time."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from errors import BadInput
from json_files import read_json, read_jsonl
from run_trace import JSON_NOTES, STATS, Step, came_out, parts_of, steps_of
from shapes import misfit

SEED = {"id": str, "text": str, "images": [str], "seed_row": int}
LEFT_OUT = {"error": str, "line": int}
RAISED = {"id": str, "error": str}
JUDGED = {"id": str, f"{STATS}?": (None, {})}
EXPORTED = {"id": str, "text": str, "images": [str]}
ARGUMENTS = {"stats_export_path?": (None, str), "report?": (None, str)}
REPORT = {"near_duplicates?": {...: [str, float]}}


def refuse_misfit(work: Path, process: list[dict]) -> None:
    """Raise `BadInput` that names the first misfit under ``work``; ``process``: the steps of its recipe."""
    seed = work / "seed.jsonl"
    refuse_rows(seed, SEED)
    ids = {row["id"] for _, row in read_jsonl(seed)}
    refuse_rows(work / "left_out.jsonl", LEFT_OUT)
    for path in sorted(work.glob("bad.*")):
        refuse_rows(path, RAISED)
    for [(name, arguments)] in (step.items() for step in process):
        refuse(f"{work / 'recipe.yaml'}: {name}", misfit(arguments or {}, ARGUMENTS))
    for step in steps_of(process):
        refuse_step(work, step, ids)
    refuse_rows(work / "export.jsonl", EXPORTED, ids)


def refuse_rows(path: Path | None, shape: dict, ids: Collection[str] | None = None) -> None:
    """Raise `BadInput` at the first row of ``path`` not of ``shape``, or whose id is not in ``ids``."""
    for part in parts_of(path):
        for number, row in read_jsonl(part):
            fault = misfit(row, shape) or (None if "id" in row else "lacks id")
            if fault is None and row.get("images") == []:
                fault = "images must be a list of one, not of none"
            if fault is None and ids is not None and row["id"] not in ids:
                fault = f"id {row['id']} is not in the seed"
            refuse(f"{part}:{number}", fault)


def refuse_step(work: Path, step: Step, ids: Collection[str]) -> None:
    """Raise `BadInput` at the first misfit in what one operator left."""
    refuse_rows(step.stats, JUDGED, ids)
    for identity, _, _, meta in came_out(work, step.number):
        refuse(f"{work / f'trace.{step.number}'}: id {identity}", notes_fault(meta))
    if step.report and step.report.exists():
        report = read_json(step.report)
        refuse(str(step.report), misfit(report, REPORT))
        unknown = [name for name in report.get("near_duplicates", {}) if name not in ids]
        refuse(str(step.report), f"id {unknown[0]} is not in the seed" if unknown else None)


def notes_fault(meta: dict[str, Any]) -> str | None:
    """What keeps the meta fields of a record from being read; None if nothing."""
    for name in JSON_NOTES.keys() & meta:
        try:
            sound = isinstance(json.loads(meta[name]), list)
        except (TypeError, ValueError):
            sound = False
        if not sound:
            return f"{name} must be a list in JSON"
    return None


def refuse(where: str, fault: str | None) -> None:
    """Raise `BadInput` if there is a ``fault``."""
    if fault:
        raise BadInput(f"{where}: {fault}; synthesise again")
