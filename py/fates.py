"""What became of a seed record, and of all together."""

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import records
from errors import BadInput
from run_trace import UNCOUNTED_NOTES


@dataclass(slots=True)
class Fate:
    """What is known of one seed record; ``texts``, ``images``: one per line in the export."""

    text: str
    image: str
    new_text: str | None = None
    dropped_by: str | None = None
    stats: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    row: int = 0

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


def synth_lines(fates: dict[str, Fate], folder: Path) -> Iterator[dict]:
    """Yield the selected records: each once in the seed's order, then those with a second line, …"""
    start = os.path.realpath(folder)

    @cache
    def way_from_start(directory: str) -> str:
        return os.path.relpath(directory or os.curdir, start)

    def way_to(directory: str, name: str) -> str:
        """`os.path.relpath`, worked out once a folder: it takes 10 µs."""
        return os.path.normpath(f"{way_from_start(directory)}/{name}")

    for turn in range(max(len(fate.texts) for fate in fates.values())):
        for identity, fate in fates.items():
            if turn < len(fate.texts):
                image = way_to(*os.path.split(fate.images[turn]))  # a recipe may have made another one
                yield {"id": identity, "text": fate.texts[turn], "images": [image]}


def summary_of(fates: dict[str, Fate], left_out: int = 0) -> dict:
    """Counts of ids (kept, recaptioned, dropped, bad, unique, notes) and of lines (selected, synthesised)."""
    outcomes, notes = Counter(), {}
    for fate in fates.values():
        outcomes[fate.outcome] += 1
        for name, value in fate.notes.items():
            if isinstance(value, str | int) and name not in UNCOUNTED_NOTES:
                notes.setdefault(name, Counter())[str(value)] += 1
    dropped = Counter(fate.dropped_by for fate in fates.values() if fate.dropped_by)
    dropped += Counter({"check_seed": left_out})
    return {
        "seed": len(fates) + left_out,
        "kept": outcomes["kept"],
        "recaptioned": outcomes["recaptioned"],
        "dropped": dict(sorted(dropped.items())),
        "bad": left_out + sum("error" in fate.notes for fate in fates.values()),
        "selected": sum(len(fate.texts) for fate in fates.values()),
        "unique": sum(1 for fate in fates.values() if fate.texts),
        "synthesised": sum(text != fate.text for fate in fates.values() for text in fate.texts),
        "notes": {name: dict(sorted(counts.items())) for name, counts in sorted(notes.items())},
    }


def check_sum(summary: dict, most_bad: float) -> None:
    """Raise `BadInput` unless kept, recaptioned and dropped add up to the seed, and few enough are bad."""
    total = summary["kept"] + summary["recaptioned"] + sum(summary["dropped"].values())
    if total != summary["seed"] or summary["kept"] + summary["recaptioned"] != summary["unique"]:
        raise BadInput(f"the ledger accounts for {total} of {summary['seed']} records: {summary}")
    if summary["bad"] > most_bad * summary["seed"]:
        raise BadInput(
            f"{summary['bad']} of {summary['seed']} records are bad, more than MAX_BAD_RECORDS={most_bad:g}; "
            "the log names each"
        )


def ledger_lines(fates: dict[str, Fate], left_out: list[dict]) -> Iterator[dict]:
    """One line per seed record, in the seed's order."""
    waiting = deque(left_out)
    for identity, fate in fates.items():
        while waiting and waiting[0]["notes"]["line"] < fate.row:
            yield waiting.popleft()
        yield fate.line(identity)
    yield from waiting
