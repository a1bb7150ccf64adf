"""The one way in which the checks look at the machine: a test puts recorded answers in its place."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SECONDS = 60


class Done(NamedTuple):
    """How a command ended: its exit status (127: not there, 124: no answer in time), and what it printed."""

    status: int
    out: str
    err: str

    def said(self) -> str:
        """The line that tells what went wrong: the last one on standard error, else the first printed."""
        lines = self.err.strip().splitlines()[-1:] or self.out.strip().splitlines()[:1]
        return lines[0].strip() if lines else f"exit status {self.status}"


class Machine:
    """Files under ``root``, commands on the PATH of ``environ``, and the project in ``folder``."""

    def __init__(self, folder: Path, environ: Mapping[str, str], root: Path = Path("/")) -> None:
        self.folder, self.environ, self.root = folder, environ, root

    def text(self, path: str) -> str | None:
        """The content of a file of the system, in /proc or /sys say; None where there is none to read."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace")
        except OSError:
            return None

    def which(self, command: str) -> str | None:
        return shutil.which(command, path=self.environ.get("PATH", os.defpath))

    def run(self, *command: str, seconds: float | None = SECONDS) -> Done:
        """Run a command in the project's folder; one that is not there, or hangs, is an answer too."""
        options = {"cwd": self.folder, "env": dict(self.environ), "text": True, "errors": "replace"}
        try:
            done = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, **options
            )
        except subprocess.TimeoutExpired:
            return Done(124, "", f"no answer within {seconds:.0f} s")
        except OSError as fault:
            return Done(127, "", fault.strerror or str(fault))
        if done.returncode < 0:
            return Done(done.returncode, done.stdout, f"ended by {signal.Signals(-done.returncode).name}")
        return Done(done.returncode, done.stdout, done.stderr)

    def json_of(self, script: str, seconds: float | None) -> dict[str, Any]:
        """What one of the scripts beside this file prints under .venv; ``{"error": line}`` where it fails."""
        done = self.run(str(self.python), str(HERE / script), seconds=seconds)
        return last_json(done.out) or {"error": done.said(), "status": done.status}

    @property
    def python(self) -> Path | None:
        """The Python of .venv, if the installation there is complete."""
        path = self.folder / ".venv/bin/python"
        return path if (self.folder / ".venv/.installed").exists() and os.access(path, os.X_OK) else None

    @cached_property
    def torch(self) -> dict[str, Any]:
        """What torch sees (see probe_torch.py); empty before .venv is there."""
        return self.json_of("probe_torch.py", seconds=300) if self.python else {}

    def system(self) -> tuple[str, str]:
        """Kernel and architecture."""
        return os.uname().sysname, os.uname().machine

    def libc(self) -> str:
        """``glibc 2.36``, or empty for another C library."""
        try:
            return os.confstr("CS_GNU_LIBC_VERSION") or ""
        except (OSError, ValueError):
            return ""

    def cores(self) -> int:
        return len(os.sched_getaffinity(0))

    def limit(self, name: str) -> tuple[float, float]:
        """Soft and hard limit, ``RLIMIT_NOFILE`` say; infinity for none."""
        pair = resource.getrlimit(getattr(resource, name))
        return tuple(float("inf") if value == resource.RLIM_INFINITY else value for value in pair)

    def space(self, path: Path) -> os.statvfs_result:
        return os.statvfs(path)

    def device(self, path: Path) -> int:
        """Number of the file system that ``path`` lies on."""
        return path.stat().st_dev

    def now(self) -> float:
        return time.time()

    def host_name(self) -> str:
        return socket.gethostname()

    def address_of(self, name: str) -> str:
        """IPv4 address of a host; raises `OSError` where it has none."""
        return socket.gethostbyname(name)


def last_json(text: str) -> dict[str, Any] | None:
    """The last line of ``text`` that is a JSON object; libraries and log-in shells print others around it."""
    for line in reversed(text.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None
