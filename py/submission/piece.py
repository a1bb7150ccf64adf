"""One file of a submission to be made: copied from the run or written anew, nothing moved or linked."""

from pathlib import Path
from typing import NamedTuple


class Piece(NamedTuple):
    """One file of the submission: its name there, and where it comes from or what is written."""

    name: str
    source: Path | bytes
    executable: bool = False

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def text(name: str, written: str, executable: bool = False) -> Piece:
    """The file ``name`` with what is ``written`` in it, as UTF-8."""
    return Piece(name, written.encode(), executable)
