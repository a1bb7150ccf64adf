"""Processes of a stage: found by a mark in their environment, whatever session they moved to (Linux)."""

import ctypes
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

VARIABLE = "BETTER_SYNTH_STAGE"
PATIENCE_SECONDS = 2.5
PR_SET_PDEATHSIG = 1


def identity(pid: int) -> dict[str, Any]:
    """What tells process ``pid`` from any other: host, number and start time (in clock ticks since boot)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"host": socket.gethostname(), "pid": pid, "started": int(fields[19])}


def alive(process: dict[str, Any]) -> bool:
    """Whether the process still runs; one on another host counts as running."""
    if process["host"] != socket.gethostname():
        return True
    try:
        fields = Path(f"/proc/{process['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[19]) == process["started"] and fields[0] != "Z"


def end_with_parent(parent: int) -> None:
    """Get a SIGTERM when process ``parent``, the parent of this one, dies, were it by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before
        os.kill(os.getpid(), signal.SIGTERM)


def marked(value: str) -> list[int]:
    """Processes whose stage is ``value`` or, where that ends in '/', lies below it; not this one."""
    wanted = f"{VARIABLE}={value}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                variables = (folder / "environ").read_bytes().split(b"\0")
            except OSError:  # gone, or another user's
                continue
            if any(v.startswith(wanted) if value.endswith("/") else v == wanted for v in variables):
                found.append(int(folder.name))
    return found


def end(value: str) -> int:
    """End the processes of `marked`: ask, after `PATIENCE_SECONDS` insist. Returns how many there were."""
    first = marked(value)
    left, sent, begun = first, signal.SIGTERM, time.monotonic()
    while left:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        deadline = begun + PATIENCE_SECONDS if sent == signal.SIGTERM else time.monotonic() + 0.1
        while (left := marked(value)) and time.monotonic() < deadline:
            time.sleep(0.05)
        sent = signal.SIGKILL
    return len(first)


def stage_of(pid: int) -> str | None:
    """The stage, the whole path of its mark, that process ``pid`` belongs to; None without one."""
    with suppress(OSError):
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(f"{VARIABLE}=".encode()):
                return os.fsdecode(variable.partition(b"=")[2])
    return None
