"""What a Data-Juicer run left behind: which operators, and which records came out of each."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.feather as feather

from errors import BadInput
from json_files import read_json, read_jsonl

STATS, META = "__dj__stats__", "__dj__meta__"
# Meta fields that operators keep as JSON, and those that only the next operator needs.
JSON_NOTES = {"caption_candidates": "candidates", "ocr_words": "ocr"}
PASSING_NOTES = ("caption_before",)
UNCOUNTED_NOTES = ("caption_rejected", "error", "near_duplicate_of")


class Step(NamedTuple):
    """One operator of the run; a label is unique: op, op#2, …; ``stats``: where a filter exported them."""

    number: int
    name: str
    label: str
    stats: Path | None
    report: Path | None


def steps_of(process: list[dict]) -> Iterator[Step]:
    """The operators of a run's recipe, its ledgers aside."""
    count: Counter = Counter()
    steps = [next(iter(step.items())) for step in process if "ledger_pipeline" not in step]
    for number, (name, arguments) in enumerate(steps, start=1):
        count[name] += 1
        label = name if count[name] == 1 else f"{name}#{count[name]}"
        stats, report = ((arguments or {}).get(key) for key in ("stats_export_path", "report"))
        yield Step(number, name, label, Path(stats) if stats else None, Path(report) if report else None)


def came_out(work: Path, number: int) -> Iterator[tuple[str, str, dict, dict]]:
    """Yield (id, text, stats, meta) of the records that came out of step ``number``."""
    path = work / f"trace.{number}"
    try:
        table = feather.read_table(path)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path}: not readable ({error}); run 'make synth' again") from error
    if not {"id", "text"} <= {*table.column_names}:
        raise BadInput(f"{path}: not readable (lacks id or text); run 'make synth' again")
    for batch in table.to_batches(max_chunksize=10_000):
        try:
            rows = rows_in(batch)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}: not readable ({error}); run 'make synth' again") from error
        yield from rows


def rows_in(batch: pa.RecordBatch) -> Iterator[tuple[str, str, dict, dict]]:
    """(id, text, stats, meta) of each record; raises `ValueError` where one cannot be read."""
    nothing = [{}] * batch.num_rows
    noted = [
        [known(values) for values in dicts_of(batch[name])] if name in batch.schema.names else nothing
        for name in (STATS, META)
    ]
    return zip(batch["id"].to_pylist(), batch["text"].to_pylist(), *noted, strict=True)


def dicts_of(column: pa.Array | pa.ChunkedArray) -> list[dict]:
    """The values of a column of statistics or meta: JSON in `datasets`, structs on Ray; {} for none.

    All in one call: parsed one by one, 400,000 take three times as long.
    """
    values = column.to_pylist()
    if any(isinstance(value, str) for value in values):
        values = json.loads(f"[{','.join(value or 'null' for value in values)}]")
    if len(values) != len(column) or not set(map(type, values)) <= {dict, type(None)}:
        raise ValueError("statistics or meta that are not one object for each record")
    return [value or {} for value in values]


def known(values: dict) -> dict:
    """The values that are set; floats lose what Data-Juicer's JSON adds to them (0.7895000000000001)."""
    return {
        key: round(value, 9) if isinstance(value, float) else value
        for key, value in values.items()
        if value is not None
    }


def notes_of(meta: dict) -> dict:
    """What of a record's meta fields the ledger keeps; of candidates only if there was a choice."""
    notes = {}
    for name, value in meta.items():
        if name in JSON_NOTES:
            value = json.loads(value)
            if len(value) > (name == "caption_candidates"):
                notes[JSON_NOTES[name]] = value
        elif name not in PASSING_NOTES and (value or name not in UNCOUNTED_NOTES):
            notes[name] = value
    return notes


def read_bad(work: Path) -> dict[str, dict]:
    """{id: what an operator raised on it} of the records that were left out under way."""
    return {row["id"]: row for path in sorted(work.glob("bad.*")) for row in rows_of(path)}


def parts_of(path: Path | None) -> list[Path]:
    """The files of JSON lines at ``path``: itself or, on Ray, those in it; none where there is nothing."""
    if not path or not path.exists():
        return []
    return sorted(path.glob("*")) if path.is_dir() else [path]


def rows_of(path: Path | None) -> Iterator[dict]:
    """The rows of the files at ``path``."""
    for part in parts_of(path):
        for _, row in read_jsonl(part):
            yield row


def exported_stats(path: Path | None) -> Iterator[tuple[str, dict]]:
    """(id, statistics) of the records that a filter judged."""
    for row in rows_of(path):
        yield row["id"], known(row.get(STATS) or {})


def thresholds_of(process: list[dict]) -> list[dict]:
    """What the selectors chose, for the summary."""
    found = []
    for step in steps_of(process):
        if step.report and step.report.exists():
            report = read_json(step.report)
            report.pop("near_duplicates", None)
            found.append({"op": step.label, **report})
    return found
