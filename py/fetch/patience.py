"""Waiting and trying again: what may pass is tried as often as there is patience."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from errors import BadInput
from progress import say

LONGEST_PAUSE = 60.0
T = TypeVar("T")


class Dropped(Exception):
    """A fault that may pass: worth another try, after ``pause`` seconds where the server asks for that."""

    def __init__(self, words: str, pause: float | None = None) -> None:
        super().__init__(words)
        self.pause = pause


class Unreachable(BadInput):
    """Tried often enough; another address of the same file may still do."""


class Patience(NamedTuple):
    """How long to wait: seconds of silence, tries without progress, seconds before the second try."""

    timeout: float = 60
    retries: int = 5
    pause: float = 1


def persist(
    what: str, patience: Patience, action: Callable[[], T], gained: Callable[[], int] = lambda: 0
) -> T:
    """``action``, tried again after `Dropped` with growing pauses; what is ``gained`` resets the count."""
    failures, best = 0, gained()
    while True:
        try:
            return action()
        except Dropped as error:
            if (now := gained()) > best:
                failures, best = 0, now
            failures += 1
            if failures > patience.retries:
                raise Unreachable(f"{what}: {error}") from error
            pause = min(error.pause or patience.pause * 2 ** (failures - 1), LONGEST_PAUSE)
            say(f"{what}: {error}; again in {pause:g} s")
            time.sleep(pause)
