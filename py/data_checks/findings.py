"""Faults and warnings: kept in full, one JSON object a line; shown by kind, the first 20 of each."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

from errors import BadInput, brief
from records import Fault

SHOWN = 20
PARTICULARS = re.compile(r"\([^()]*\)|'[^']*'|\"[^\"]*\"|\S*[/\d]\S*")
IMAGE = re.compile(r"^(\S*: )?image .* (?=(?:is|cannot|lies|has) )")


class Finding(NamedTuple):
    """What is wrong with one record (or line, or operator) and the remedy; a warning does not fail a set."""

    file: str
    line: int | None
    id: Any
    message: str
    warning: bool = False

    @classmethod
    def of(cls, fault: Fault) -> "Finding":
        """A fault as the stages name it."""
        entry = f"entry {fault.place}: " if fault.place != fault.line and not fault.id else ""
        return cls(str(fault.path), fault.line, fault.id, entry + fault.what)

    @classmethod
    def of_file(cls, path: Path, error: BadInput) -> "Finding":
        """An error about a file as a whole, with the line where it names one."""
        _, line, message = re.fullmatch(
            rf"({re.escape(str(path))}(?::(\d+))?: )?(.*)", str(error), re.DOTALL
        ).groups()
        return cls(str(path), int(line) if line else None, None, message)

    @property
    def kind(self) -> str:
        """The message without what tells one record from another, and without the remedy.

        >>> Finding("f", 3, "7", "stands on line 12 already; remove one of the two").kind
        'stands on line already'
        """
        # Of a word that never ends each letter would be tried as its beginning.
        words, before = IMAGE.sub("image ", brief(self.message).split(";")[0]), ""
        while words != before:  # brackets in brackets
            words, before = PARTICULARS.sub("", words), words
        return " ".join(words.split())

    @property
    def text(self) -> str:
        """One line: where, which record, what, what to do."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        who = "" if self.id is None else f"id {self.id}: "
        return brief(f"{'warning: ' if self.warning else ''}{where}: {who}{self.message}")


def verdict(faults: int, warnings: int) -> str:
    """Both counts in words.

    >>> verdict(1, 2000)
    '1 fault, 2,000 warnings'
    """
    counts = {"fault": faults, "warning": warnings}
    told = [f"{count:,} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    return ", ".join(told) or "nothing wrong"


class Findings:
    """Takes findings, writes each to ``file`` at once, and prints one file's when it is done."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.faults, self.warnings = file, 0, 0
        self.start()

    def start(self) -> None:
        """The next file's are counted from here."""
        self.began, self.before = time.monotonic(), (self.faults, self.warnings)
        self.first: dict[tuple[bool, str], list[str]] = defaultdict(list)
        self.count: dict[tuple[bool, str], int] = defaultdict(int)

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep ``findings``."""
        for finding in findings:
            line = {"severity": "warning" if finding.warning else "fault", "kind": finding.kind}
            line |= {"file": finding.file, "line": finding.line, "id": finding.id}
            line["message"] = brief(finding.message)
            # A lone half of a character may be what is wrong; UTF-8 has none, so it stays escaped.
            self.file.write(json.dumps(line) + "\n")
            self.faults += not finding.warning
            self.warnings += finding.warning
            kind = (finding.warning, finding.kind)
            self.count[kind] += 1
            if self.count[kind] <= SHOWN:
                self.first[kind].append(finding.text)

    def tell(self, knob: str, path: Path | str, counts: str) -> None:
        """Print the file's summary and the first findings of each kind, the faults' first."""
        faults, warnings = self.faults - self.before[0], self.warnings - self.before[1]
        seconds = f"{time.monotonic() - self.began:.1f} s"
        about = ", ".join(part for part in (counts, seconds) if part)
        told = [f"{knob} {path}: {about}: {verdict(faults, warnings)}"]
        for kind in sorted(self.count, key=lambda kind: kind[0]):
            told += [f"  {text}" for text in self.first[kind]]
            if (more := self.count[kind] - SHOWN) > 0:
                told.append(f"  {'warning: ' if kind[0] else ''}… and {more:,} more of this kind: {kind[1]}")
        print("\n".join(told).encode("utf-8", "backslashreplace").decode(), flush=True)
        self.start()
