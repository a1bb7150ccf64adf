"""Many starts of Python scripts for the price of one: what takes seconds is imported once, each is a fork.

What runs is the script itself, as ``python SCRIPT ARGUMENT …`` would run it, in a process of its own, with
its own folder, output and exit status.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from attacks import PATIENCE_SECONDS
from builds import ROOT

SERVER = """
import importlib, json, os, runpy, signal, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    start = json.loads(line)
    if (child := os.fork()) == 0:
        signal.alarm(start["seconds"])
        os.chdir(start["folder"])
        said = os.open(start["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1), os.dup2(said, 2)
        sys.argv = start["command"]
        sys.path[0] = os.path.dirname(sys.argv[0])
        runpy.run_path(sys.argv[0], run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
MACHINE = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}


class Scripts:
    """Starts scripts of ``py/`` in forks of a process that has imported ``modules``."""

    def __init__(self, folder: Path, *modules: str) -> None:
        self.said = folder / "said.txt"
        command = [sys.executable, "-c", SERVER, *modules]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.server = subprocess.Popen(command, cwd=ROOT / "py", env=os.environ | MACHINE, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.stdin.close()
        self.server.wait(timeout=PATIENCE_SECONDS)

    def run(self, command: list[str | Path], folder: Path) -> subprocess.CompletedProcess:
        """``python py/SCRIPT ARGUMENT …`` in ``folder``; the output of both kinds is in ``stdout``."""
        script, *arguments = map(str, command)
        command = [str(ROOT / "py" / script), *arguments]
        start = {
            "command": command,
            "folder": str(folder),
            "said": str(self.said),
            "seconds": PATIENCE_SECONDS,
        }
        self.server.stdin.write(json.dumps(start) + "\n")
        self.server.stdin.flush()
        status = int(self.server.stdout.readline())
        return subprocess.CompletedProcess(command, status, self.said.read_text(errors="replace"), "")
