"""The cores share the work: chunks go out, answers come back in order, few are on the way at a time."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from records import BadInput

T, R = TypeVar("T"), TypeVar("R")
AT_ONCE = 64
SECONDS = 5  # between two lines of progress


def chunks(rows: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """``rows`` in lists of ``size``; the last may be shorter."""
    rows = iter(rows)
    while some := list(islice(rows, size)):
        yield some


class Workers:
    """A pool of ``processes``; with one, the work is done in this process."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def map(
        self, act: Callable[[list[T]], R], rows: Iterable[T], progress: Callable[[int], None]
    ) -> Iterator[tuple[list[T], R]]:
        """Yield (chunk of ``rows``, what ``act`` makes of it); ``progress`` gets how many are done."""
        if self.processes > 1 and self.pool is None:
            self.pool = ProcessPoolExecutor(self.processes)
        waiting: deque[tuple[list[T], Any]] = deque()
        done = 0

        def oldest() -> tuple[list[T], R]:
            nonlocal done
            some, answer = waiting.popleft()
            done += len(some)
            progress(done)
            return some, answer.result() if self.pool else answer

        try:
            for some in chunks(rows):
                waiting.append((some, self.pool.submit(act, some) if self.pool else act(some)))
                if len(waiting) > 4 * self.processes:
                    yield oldest()
            while waiting:
                yield oldest()
        except BrokenExecutor as error:
            raise BadInput("a process that reads images was killed, for want of memory perhaps") from error


def progress(name: str, total: int) -> Callable[[int], None]:
    """A function that says, every few seconds, how many of about ``total`` are done, and what is left."""
    start = last = time.monotonic()

    def say(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS:
            return
        last, rate = now, done / (now - start)
        left = f", {timedelta(seconds=round(max(total - done, 0) / rate))} left" if rate and total else ""
        about = f"{done:,} of {total:,} records, {rate:,.0f} a second{left}"
        print(f"check_data.py: {name}: {about}", file=sys.stderr, flush=True)

    return say
