"""One pass over a ledger: counts, every statistic's values, and the few lines that a person shall see.

Memory holds eight bytes per number, and of the lines only those that may be shown.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappush, heapreplace
from math import isfinite
from typing import Any

RANKED_BY = ("image_text_similarity", "image_text_matching_score", "seed_similarity")
BEFORE_AFTER = {
    "seed_similarity": "image_text_similarity",
    "seed_matching_score": "image_text_matching_score",
}
KEPT, DROPPED = "kept", "dropped"
DROPPED_BY_IT, DROPPED_ELSEWHERE = "dropped by this statistic", "dropped by another operator"
MOST_LABELS = 60  # of a section; the rest counts as OTHERS
OTHERS = "others"


class Best:
    """The ``count`` lines with the highest keys among those offered; of equal keys the earlier ones."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.heap: list[tuple[Any, int, dict]] = []

    def offer(self, key: Any, number: int, line: dict) -> None:
        if len(self.heap) < self.count:
            heappush(self.heap, (key, -number, line))
        elif key > self.heap[0][0]:
            heapreplace(self.heap, (key, -number, line))

    def lines(self) -> list[dict]:
        """Highest key first."""
        return [line for _, _, line in sorted(self.heap, key=lambda entry: entry[:2], reverse=True)]


class Survey:
    """What was found in a ledger; ``judged``: {operator: the statistic that it drops by}.

    ``numbers``: {statistic: {fate: values}}; ``flags``: {statistic: {fate: Counter of values}};
    ``pairs``: {statistic of the seed's caption: (its values, those of the new caption)};
    ``counts``: {section: Counter of labels}.
    """

    def __init__(self, samples: int, random_seed: int, judged: dict[str, str]) -> None:
        self.samples, self.random_seed, self.judged = samples, random_seed, judged
        self.by_threshold = set(judged.values())
        self.lines = self.not_finite = 0
        self.numbers: dict = defaultdict(lambda: defaultdict(lambda: array("d")))
        self.flags: dict = defaultdict(lambda: defaultdict(Counter))
        self.pairs: dict = defaultdict(lambda: (array("d"), array("d")))
        self.counts: dict = defaultdict(Counter)
        self.repeated: Counter = Counter()
        self.groups: dict = defaultdict(lambda: defaultdict(lambda: Best(samples)))

    def add(self, number: int, line: dict) -> None:
        """Take in a checked line."""
        self.lines += 1
        self.add_stats(line)
        for section, label in sections_of(line):
            label = count(self.counts[section], label)
            self.groups[section][label].offer(self.lot(section, number, line), number, line)
        if line["selected"]:
            self.repeated[line["repeated"]] += 1
            lot = self.lot("repeated", number, line)
            self.groups["repeated"][""].offer((line["repeated"], lot), number, line)
            for name in RANKED_BY:
                value = number_of(line["stats"].get(name))
                if value is not None:
                    self.groups["best"][name].offer(value, number, line)
                    self.groups["worst"][name].offer(-value, number, line)

    def lot(self, section: str, number: int, line: dict) -> bytes:
        """A lot drawn from the random seed and the record's id alone, so that other records don't matter."""
        name = f"{self.random_seed}/{section}/{line['id'] or number}"
        return blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()

    def add_stats(self, line: dict) -> None:
        """Count the line's statistics by what became of the record."""
        stats = line["stats"]
        for name, value in stats.items():
            fate = self.fate(name, line)
            found = number_of(value)
            if found is not None:
                self.numbers[name][fate].append(found)
            elif isinstance(value, bool | str):
                count(self.flags[name][fate], value)
            else:
                self.not_finite += 1
        for before, after in BEFORE_AFTER.items():
            both = number_of(stats.get(before)), number_of(stats.get(after))
            if None not in both:
                for values, value in zip(self.pairs[before], both, strict=True):
                    values.append(value)

    def fate(self, name: str, line: dict) -> str:
        """What became of a record, from the point of view of the statistic ``name``."""
        if line["outcome"] != "dropped":
            return KEPT
        if name not in self.by_threshold:
            return DROPPED
        return DROPPED_BY_IT if self.judged.get(line["op"]) == name else DROPPED_ELSEWHERE

    def shown(self, section: str, label: str = "") -> list[dict]:
        """The lines drawn for a section."""
        return self.groups[section][label].lines() if label in self.groups[section] else []


def count(counts: Counter, label: bool | str) -> bool | str:
    """Count ``label``, or where there are too many already `OTHERS`; returns which."""
    label = label if label in counts or len(counts) < MOST_LABELS else OTHERS
    counts[label] += 1
    return label


def number_of(value: Any) -> float | None:
    """``value`` if it is a finite number, or a list of one, as Data-Juicer's statistics of one image are."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    sound = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return value if sound else None


def sections_of(line: dict) -> Iterator[tuple[str, str]]:
    """(section, label) of each place that the line may be shown at."""
    notes = line.get("notes", {})
    if line["selected"]:
        yield "random", ""
    if line["outcome"] == "recaptioned":
        yield "recaptioned", ""
    if "error" in notes:
        yield "bad", line["op"] or ""
    elif line["outcome"] == "dropped":
        yield "rejected", line["op"] or ""
    for section in ("caption_check", "watermark"):
        if notes.get(section):
            yield section, str(notes[section])
    if notes.get("ocr"):
        yield "ocr", ""
    if notes.get("near_duplicate_of"):
        yield "near_duplicates", ""
