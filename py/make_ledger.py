"""Compare seed, trace and export of a Data-Juicer run: what became of every seed record.

Writes ledger.jsonl (one line per seed id), synth.jsonl (what was selected; both in the seed's order, repeats
in further rounds; image paths relative to the file) and, last, synth.summary.json. Data-Juicer can end with
status 0 after losing records to an error; so this fails unless every record is accounted for: still there, or
dropped by an operator that may drop and, if it is a filter, with the statistic it judged by.

    python py/make_ledger.py --work RUN/.synth.jsonl.work --output RUN/synth.jsonl --ledger RUN/ledger.jsonl
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import cli
import records

MAY_DROP = ("_filter", "_selector", "_deduplicator")
STATS = "__dj__stats__"


@dataclass(slots=True)
class Fate:
    """What is known of one seed record; ``texts``: one per line that it has in the export."""

    text: str
    image: str
    new_text: str | None = None
    dropped_by: str | None = None
    stats: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    @property
    def changed(self) -> list[str]:
        """The texts that aren't the seed's; of a dropped record the one it had last."""
        return [text for text in self.texts or [self.new_text or self.text] if text != self.text]

    @property
    def outcome(self) -> str:
        return "dropped" if self.dropped_by else "recaptioned" if self.changed else "kept"

    def line(self, identity: str) -> dict:
        """The ledger's line."""
        line = {"id": identity, "outcome": self.outcome, "op": self.dropped_by, "stats": self.stats}
        line |= {"selected": bool(self.texts), "repeated": len(self.texts)}
        line["seed_caption"] = records.caption_of(self.text)
        if self.changed:
            line["caption"] = records.caption_of(self.changed[0])
        return line | ({"notes": self.notes} if self.notes else {})


def labels(process: list[dict]) -> Iterator[tuple[int, str, str, Path | None]]:
    """Yield (number, operator, label, exported statistics) per step; a label is unique: op, op#2, …"""
    count: Counter = Counter()
    steps = [next(iter(step.items())) for step in process if "ledger_mapper" not in step]
    for number, (name, arguments) in enumerate(steps, start=1):
        count[name] += 1
        stats = arguments.get("stats_export_path")
        label = name if count[name] == 1 else f"{name}#{count[name]}"
        yield number, name, label, Path(stats) if stats else None


def trace_rows(work: Path, number: int) -> Iterator[tuple[str, str, dict, dict]]:
    """Yield (id, text, stats, notes) of the records that came out of step ``number``."""
    for path in sorted(work.glob(f"trace.{number}.*")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                identity, text, stats, meta = json.loads(line)
                yield identity, text, _known(stats), _known(meta)


def _known(values: dict | None) -> dict:
    """The values that are set; floats lose what Data-Juicer's JSON adds to them (0.7895000000000001)."""
    known = {key: value for key, value in (values or {}).items() if value is not None}
    return {key: round(value, 9) if isinstance(value, float) else value for key, value in known.items()}


def follow(fates: dict[str, Fate], work: Path, process: list[dict]) -> Counter:
    """Note in ``fates`` what each step did; returns how often each id came out of the last."""
    seen = Counter(identity for identity, *_ in trace_rows(work, 0))
    if seen != Counter(fates.keys()):
        raise records.BadInput(f"Data-Juicer read {seen.total()} of {len(fates)} seed records; see its log")
    for number, name, label, stats_path in labels(process):
        judged = set()
        for _, row in records.read_jsonl(stats_path) if stats_path else ():
            judged.add(row["id"])
            fates[row["id"]].stats |= _known(row.get(STATS))
        before, seen = seen, Counter()
        for identity, text, stats, notes in trace_rows(work, number):
            if identity not in before:
                raise records.BadInput(f"{label}: id {identity} came out but didn't go in; mend the operator")
            seen[identity] += 1
            fate = fates[identity]
            fate.stats |= stats
            fate.notes |= notes
            fate.new_text = text if text != fate.text else None
        lost = [identity for identity in before if identity not in seen]
        missing = [i for i in lost if stats_path and i not in judged] if name.endswith(MAY_DROP) else lost
        if missing:
            raise records.BadInput(
                f"{label}: {len(missing)} of {len(before)} records went missing, first id {missing[0]}; "
                "the operator failed inside Data-Juicer, see its log"
            )
        for identity in lost:
            fates[identity].dropped_by = label
    return seen


def read_fates(seed: Path) -> dict[str, Fate]:
    return {record.id: Fate(record.text, record.image) for record in records.read_records(seed)}


def add_export(fates: dict[str, Fate], export: Path, expected: Counter) -> None:
    """Note the exported texts; raises `BadInput` unless they are exactly what came out of the last step."""
    for _, row in records.read_jsonl(export) if export.exists() else ():
        fates[row["id"]].texts.append(row["text"])
    exported = Counter({identity: len(fate.texts) for identity, fate in fates.items() if fate.texts})
    if exported != expected:
        raise records.BadInput(
            f"Data-Juicer exported {exported.total()} records, but {expected.total()} came out of its last "
            "operator; see its log"
        )
    if not exported:
        counts = dict(Counter(fate.dropped_by for fate in fates.values()))
        raise records.BadInput(f"no record is left, dropped by {counts}; loosen the recipe")


def synth_lines(fates: dict[str, Fate], folder: Path) -> Iterator[dict]:
    """Yield the selected records: each once in the seed's order, then those with a second line, …"""
    start = os.path.realpath(folder)
    for turn in range(max(len(fate.texts) for fate in fates.values())):
        for identity, fate in fates.items():
            if turn < len(fate.texts):
                image = os.path.relpath(fate.image, start)
                yield {"id": identity, "text": fate.texts[turn], "images": [image]}


def summary_of(fates: dict[str, Fate]) -> dict:
    """Counts of ids (kept, recaptioned, dropped, unique, notes) and of lines (selected, synthesised)."""
    outcomes, notes = Counter(), {}
    for fate in fates.values():
        outcomes[fate.outcome] += 1
        for name, value in fate.notes.items():
            notes.setdefault(name, Counter())[str(value)] += 1
    dropped = Counter(fate.dropped_by for fate in fates.values() if fate.dropped_by)
    return {
        "seed": len(fates),
        "kept": outcomes["kept"],
        "recaptioned": outcomes["recaptioned"],
        "dropped": dict(sorted(dropped.items())),
        "selected": sum(len(fate.texts) for fate in fates.values()),
        "unique": sum(1 for fate in fates.values() if fate.texts),
        "synthesised": sum(text != fate.text for fate in fates.values() for text in fate.texts),
        "notes": {name: dict(sorted(counts.items())) for name, counts in sorted(notes.items())},
    }


def check_sum(summary: dict) -> None:
    """Raise `BadInput` unless kept, recaptioned and dropped add up to the seed."""
    total = summary["kept"] + summary["recaptioned"] + sum(summary["dropped"].values())
    if total != summary["seed"] or summary["kept"] + summary["recaptioned"] != summary["unique"]:
        raise records.BadInput(f"the ledger accounts for {total} of {summary['seed']} records: {summary}")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", required=True, type=Path, help="folder of the run")
    parser.add_argument("--output", required=True, type=Path, help="synth.jsonl to write")
    parser.add_argument("--ledger", required=True, type=Path, help="ledger.jsonl to write")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    process = yaml.safe_load((args.work / "recipe.yaml").read_text(encoding="utf-8"))["process"]
    fates = read_fates(args.work / "seed.jsonl")
    add_export(fates, args.work / "export.jsonl", follow(fates, args.work, process))
    summary = summary_of(fates)
    check_sum(summary)
    stamp = args.output.with_suffix(".summary.json")
    stamp.unlink(missing_ok=True)
    records.write_jsonl(args.ledger, (fate.line(identity) for identity, fate in fates.items()))
    records.write_jsonl(args.output, synth_lines(fates, args.output.parent))
    records.write_json(stamp, summary)
    print(f"make_ledger.py: {args.output}: {json.dumps(summary)}")


if __name__ == "__main__":
    cli.run(main)
