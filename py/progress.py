"""Progress as lines, since the output goes into a log: done and total, rate, time left."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from graph.sizes import readable

EVERY_SECONDS = 5.0
BLOCK = 8 << 20


def say(words: str) -> None:
    """One line of the log, signed so that make shows it."""
    print(f"{Path(sys.argv[0]).name}: {words}", flush=True)


def clock(seconds: float) -> str:
    """Seconds as a person says them.

    >>> clock(9), clock(190), clock(8000)
    ('9 s', '3 min 10 s', '2 h 13 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """Counts what was done of ``total`` (None: unknown) and prints a line at most every few seconds."""

    def __init__(
        self,
        what: str,
        total: int | None,
        done: int = 0,
        unit: Callable[[int], str] = readable,
        now: Callable[[], float] = time.monotonic,
        print_line: Callable[[str], None] = say,
    ) -> None:
        self.what, self.total, self.done, self.unit = what, total, done, unit
        self.now, self.print_line = now, print_line
        self.first, self.start = done, now()
        self.printed = self.start

    def add(self, count: int) -> None:
        self.done += count
        now = self.now()
        if now - self.printed >= EVERY_SECONDS:
            self.printed = now
            self.print_line(self.line(now - self.start))

    def pour(self, source: IO[bytes], target: IO[bytes] | None = None) -> None:
        """Copy all of ``source`` into ``target``; without one it is read to its end."""
        while block := source.read(BLOCK):
            if target:
                target.write(block)
            self.add(len(block))

    def line(self, seconds: float) -> str:
        rate = (self.done - self.first) / seconds
        of = "" if self.total is None else f" of {self.unit(self.total)}"
        left = ""
        if self.total is not None and rate > 0:
            left = f", {clock(max(self.total - self.done, 0) / rate)} left"
        return f"{self.what}: {self.unit(self.done)}{of}, {self.unit(round(rate))}/s{left}"

    def end(self) -> None:
        seconds = self.now() - self.start
        if seconds >= EVERY_SECONDS:
            self.print_line(f"{self.what}: {self.unit(self.done)} in {clock(seconds)}")
