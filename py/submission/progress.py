"""Copying of large files, with a line on how far it is every few seconds."""

import shutil
import sys
import time
from pathlib import Path
from typing import IO

from graph.sizes import readable
from records import BadInput

BLOCK = 8 << 20
SECONDS = 5


class Progress:
    """Says every few seconds how much of ``total`` bytes is done, how fast, and how long the rest takes."""

    def __init__(self, doing: str, total: int) -> None:
        self.doing, self.total, self.done = doing, total, 0
        self.start = self.told = time.monotonic()

    def add(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.told >= SECONDS:
            self.told = now
            rate = self.done / (now - self.start)
            left = (self.total - self.done) / rate if rate else 0
            told = (
                f"{readable(self.done)} of {readable(self.total)}, {readable(int(rate))}/s, {left:.0f} s left"
            )
            print(f"{Path(sys.argv[0]).name}: {self.doing}: {told}", flush=True)

    def pour(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy all of ``source`` into ``target``."""
        while block := source.read(BLOCK):
            target.write(block)
            self.add(len(block))


def require_room(folder: Path, count: int, what: str) -> None:
    """Raise `BadInput` unless ``count`` bytes are free where ``folder`` is."""
    free = shutil.disk_usage(folder).free
    if free < count:
        raise BadInput(
            f"{folder}: {what} needs {readable(count)}, {readable(free)} are free; free some room "
            "('make du' shows what takes it)"
        )
