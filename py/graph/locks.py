"""One make per experiment, and no more stages at once than there are cores for."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from errors import BadInput
from graph.processes import alive, end, identity


def take_experiment(folder: str, make: int, wait: bool, say: Callable[[str], None]) -> None:
    """Note in ``folder/.make/owner`` that process ``make`` builds it; that holds while the process lives.

    Where another living make has it: raise `BadInput`, or ``wait``. What a dead one left running is ended.
    """
    owner = Path(folder, ".make", "owner")
    owner.parent.mkdir(parents=True, exist_ok=True)
    mine, told = identity(make), False
    while other := _put_owner(owner, mine):
        who = f"process {other['pid']} on {other['host']}"
        if not wait:
            raise BadInput(
                f"{folder} is being built by another make, {who}; wait for it, stop it or choose another EXP "
                f"(if that process is gone for certain: rm {owner})"
            )
        if not told:
            say(f"waits for {who}, which builds it")
            told = True
        time.sleep(0.2)


def _put_owner(owner: Path, mine: dict[str, Any]) -> dict[str, Any] | None:
    """Write ``mine`` into ``owner``; where another living process stands there, only return that one."""
    with owner.open("a+", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        other = parse_owner(file.read())
        if other == mine:
            return None
        if other and alive(other):
            return other
        if other:
            end(str(owner.parents[1].resolve()) + "/")
        file.seek(0)
        file.truncate()
        json.dump(mine, file)
    return None


def parse_owner(text: str) -> dict[str, Any] | None:
    """The process that the text of an ``owner`` names; None where it names none."""
    try:
        owner = json.loads(text)
    except (ValueError, RecursionError):
        return None
    kinds = {"host": str, "pid": int, "started": int}
    sound = isinstance(owner, dict) and all(isinstance(owner.get(name), kinds[name]) for name in kinds)
    return owner if sound else None


def owner_of(folder: str | Path) -> dict[str, Any] | None:
    """The process, living or dead, that last took the experiment in ``folder``."""
    try:
        return parse_owner(Path(folder, ".make", "owner").read_text(errors="replace"))
    except OSError:
        return None


@contextmanager
def core_slot(folder: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold one of as many slots as stages of OMP_NUM_THREADS threads fit on the cores (unset: one)."""
    cores = len(os.sched_getaffinity(0))
    threads = os.environ.get("OMP_NUM_THREADS", "")
    slots = max(1, cores // int(threads)) if threads.isdecimal() and int(threads) else 1
    Path(folder).mkdir(parents=True, exist_ok=True)
    begun, told = time.monotonic(), False
    while True:
        for number in range(slots):
            with Path(folder, f"{number}").open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        if not told and time.monotonic() - begun > 1:
            say(f"waits for a free core (stages at once: {slots})")
            told = True
        time.sleep(0.1)
