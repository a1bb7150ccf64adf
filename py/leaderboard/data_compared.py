"""What two runs were trained on: records, captions, and what became of the seed."""

from pathlib import Path
from typing import Any

from leaderboard.runs import Run
from record_files import read_records
from records import caption_of

EXAMPLES = 3
COUNTS = ("seed", "kept", "recaptioned", "selected", "unique", "synthesised")


def compare_data(a: Run, b: Run) -> dict[str, Any]:
    """Seed records of both or one alone, captions that differ; ``records`` is None where a file is gone."""
    paths = [run.synthesis / "synth.jsonl" for run in (a, b)]
    missing = [str(path) for path in paths if not path.is_file()]
    return {
        "experiments": [run.folder.name for run in (a, b)],
        "summaries": [summary_of(run) for run in (a, b)],
        "missing": missing,
        "records": None if missing else compare_records(*map(captions_in, paths)),
    }


def compare_records(a: dict[str, str], b: dict[str, str]) -> dict[str, Any]:
    """Counts over {id: caption} of both, and the first few captions that differ, in the order of ``a``.

    >>> compare_records({"1": "a cat", "2": "a dog"}, {"2": "a wolf", "3": "a fox"})["examples"]
    [{'id': '2', 'a': 'a dog', 'b': 'a wolf'}]
    """
    differing = [key for key in a if key in b and a[key] != b[key]]
    return {
        "both": len(a.keys() & b.keys()),
        "only_a": len(a.keys() - b.keys()),
        "only_b": len(b.keys() - a.keys()),
        "captions_differ": len(differing),
        "examples": [{"id": key, "a": a[key], "b": b[key]} for key in differing[:EXAMPLES]],
    }


def captions_in(path: Path) -> dict[str, str]:
    """{id: caption} of a synth.jsonl, where a record may be repeated."""
    return {record.id: caption_of(record.text) for record in read_records(path, unique=False)}


def summary_of(run: Run) -> dict[str, int]:
    """{what became of records: how many}, drops by operator; empty without pretraining."""
    data = run.result.get("data") or {}
    counts = {name: data[name] for name in COUNTS if name in data}
    return counts | {f"dropped by {name}": count for name, count in data.get("dropped", {}).items()}
