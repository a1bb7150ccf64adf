"""Run the command of a stage: what it prints goes to the log, what a script signed to the terminal too."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import cli
from graph import processes
from graph.stages import Stage

SIGNED = re.compile(rb"[a-z0-9_]+\.(py|sh): |\+ ")
TAIL_LINES = 15


def show(line: bytes) -> None:
    """Print ``line``; where nobody reads any more, or a full disk does, the stage goes on without."""
    with suppress(OSError):
        os.write(1, line)


def say(stage: Stage, words: str) -> None:
    """Print ``words`` behind the label of ``stage``."""
    show(f"{stage.label} {words}\n".encode())


def run(stage: Stage, command: list[str]) -> int:
    """Run ``command``, its output to the stage's log; its exit status. A signal ends all that it started."""
    mark = str(Path(stage.mark).resolve())
    hidden = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment[processes.VARIABLE] = mark
    signed, shown = f"{stage.label} ".encode(), os.environ.get("V")
    with (
        Path(f"{stage.mark}.log").open("wb") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as job,
    ):
        try:
            for line in job.stdout:
                line = cli.plain(line.decode(errors="backslashreplace")).encode()
                log.write(line)
                log.flush()
                if shown != "0" and (shown or SIGNED.match(line)):
                    show(signed + line)
            status = job.wait()
        except BaseException:
            processes.end(mark)
            raise
    processes.end(mark)
    return status


def tail(log: Path) -> str:
    """The last lines of ``log``."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
