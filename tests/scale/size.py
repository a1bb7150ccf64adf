"""How much an attack of this folder takes: its two sizes, and the memory and seconds of a command."""

import os
import resource
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable


def sizes(short: int, full: int) -> pytest.MarkDecorator:
    """A test of ``short`` size, and of ``full`` under --torture."""
    return pytest.mark.parametrize("size", [short, pytest.param(full, marks=pytest.mark.long)])


class Ran(NamedTuple):
    """A command that has ended: its status, all that it said, and what it took."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float
    gb: float
    """Most memory that its processes held at once, shared pages counted once."""


def held(process: psutil.Process) -> int:
    """Bytes of a process and its children."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                total += each.memory_full_info().pss
    return total


def cpu_seconds() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ran(*command: object, folder: Path = ROOT) -> Ran:
    """Run ``command``, output to files: there may be gigabytes of it that no test should hold by accident."""
    env = os.environ | {"PYTHON": PYTHON, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    start, cpu, most = time.perf_counter(), cpu_seconds(), 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = psutil.Popen(list(map(str, command)), cwd=folder, stdout=out, stderr=err, env=env)
        while process.poll() is None:
            most = max(most, held(process))
            time.sleep(0.1)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    took = Ran(process.returncode, *texts, seconds, cpu, most / 1e9)
    print(f"{Path(str(command[1])).name}: {seconds:.1f} s, {cpu:.1f} CPU s, {took.gb:.2f} GB")
    return took


def python(script: str, *options: object) -> Ran:
    """Run a script of py/."""
    return ran(PYTHON, ROOT / "py" / script, *options)
