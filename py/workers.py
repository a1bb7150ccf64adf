"""The cores share the work: chunks go out, answers come back in order, few are on the way at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from errors import BadInput
from progress import Progress

T, R = TypeVar("T"), TypeVar("R")
AT_ONCE = 64


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
        self, act: Callable[[list[T]], R], rows: Iterable[T], name: str, total: int | None
    ) -> Iterator[tuple[list[T], R]]:
        """Yield (chunk of ``rows``, what ``act`` makes of it); ``name``, about ``total``: for progress."""
        if self.processes > 1 and self.pool is None:
            self.pool = ProcessPoolExecutor(self.processes)
        waiting: deque[tuple[list[T], Any]] = deque()
        progress = Progress(name, total, unit="{:,} records".format)

        def oldest() -> tuple[list[T], R]:
            some, answer = waiting.popleft()
            progress.add(len(some))
            return some, answer.result() if self.pool else answer

        try:
            for some in chunks(rows):
                waiting.append((some, self.pool.submit(act, some) if self.pool else act(some)))
                if len(waiting) > 4 * self.processes:
                    yield oldest()
            while waiting:
                yield oldest()
        except BrokenExecutor as error:
            raise BadInput(
                f"{name}: a process that reads images was killed, for want of memory perhaps; "
                f"use fewer than {self.processes} (SYNTH_PROCESSES, check_data.py --np)"
            ) from error
