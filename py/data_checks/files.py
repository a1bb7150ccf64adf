"""What a text file is before its records are read: how many about, its encoding and line ends."""

from pathlib import Path
from typing import NamedTuple

from data_checks.findings import Finding

PIECE = 1 << 22


class Survey(NamedTuple):
    """Roughly how many records a file has, and warnings about how it is written."""

    records: int
    warnings: list[Finding]


def survey(path: Path) -> Survey:
    """Read the file once: lines, or the conversations of a JSON list, are counted."""
    mark = b'"conversations"' if path.suffix == ".json" else b"\n"
    records = lines = returns = 0
    with path.open("rb") as file:
        start, tail = file.read(3), b""
        file.seek(0)
        while piece := file.read(PIECE):
            text = tail + piece
            records, lines = records + text.count(mark), lines + piece.count(b"\n")
            returns += text.count(b"\r\n")
            tail = text[-(len(mark) - 1) :] if mark != b"\n" else b"\r" if text.endswith(b"\r") else b""
    told = []
    if start == b"\xef\xbb\xbf":
        told.append("begins with a byte order mark, which is passed over; save it as UTF-8 without one")
    if returns and returns < lines:
        told.append(f"{returns} lines end as on Windows, {lines - returns} do not; save it with one kind")
    return Survey(records, [Finding(str(path), None, None, message, warning=True) for message in told])
