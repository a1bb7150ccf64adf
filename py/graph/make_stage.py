"""Make one stage of the graph if it is not current: alone, timed, its output kept, marked only when complete.

    python py/graph/make_stage.py [--experiment refuse|wait] DESCRIPTION -- COMMAND …
    python py/graph/make_stage.py notes/.make/today makes date.txt knobs inputs -- cp LICENSE notes/date.txt

DESCRIPTION is that of graph/stages.py. The terminal gets the lines that a script signed (``train.py: …``,
``+ …``), with V=1 all, with V=0 none; ``FOLDER/.make/STAGE.log`` gets everything. ``--experiment``: the
folder is that of an experiment, which one make builds at a time; where another one does, refuse or wait.
"""

import signal

if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C before `main`: end without a traceback

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
import faults
from errors import BadInput
from graph import changes, locks, marks, outputs, processes
from graph.commands import run, say, tail
from graph.stages import FOLDER, Stage, parse

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked for the end."""


def check_places(stage: Stage) -> None:
    """Raise `BadInput` where something of the wrong kind lies in the place of an output."""
    for path, kind in stage.outputs:
        there, wanted = Path(path), "folder" if kind == FOLDER else "file"
        if there.exists() and there.is_dir() != (kind == FOLDER):
            found = "folder" if there.is_dir() else "file"
            raise BadInput(f"{path} is a {found}, where {stage.label} makes a {wanted}; move it away")


def make(stage: Stage, command: list[str]) -> None:
    """Make ``stage``, whose lock is held, if it is not current."""
    verdict = changes.judge(stage, changes.locked_versions())
    if not verdict.reasons:
        return
    changes.check_inputs(stage, verdict.now)
    processes.end(str(Path(stage.mark).resolve()))
    check_places(stage)
    with locks.core_slot("runs/.cores", partial(say, stage)):
        made = changes.ended_well(stage, verdict.now) or run_anew(stage, command, verdict.now)
        outputs.write(stage, made, partial(say, stage))
    say(stage, f"done in {made['seconds']} s")


def run_anew(stage: Stage, command: list[str], now: dict) -> dict:
    """Run ``command`` and note that it ended well; what the stage was made from, when and how long."""
    mark, before = Path(f"{stage.mark}.made"), Path(f"{stage.mark}.made.before")
    if mark.exists():
        mark.replace(before)
    marks.forget_end(stage)
    marks.flush_folder(mark.parent)
    say(stage, "starts")
    start = time.time()
    if run(stage, command):
        restore(stage, before, mark)
        log = Path(f"{stage.mark}.log")
        sys.exit(f"{stage.label} failed; the end of {log}:\n{tail(log)}")
    before.unlink(missing_ok=True)
    made = {**now, "started": start, "seconds": round(time.time() - start, 1)}
    subprocess.run(["sync", "-f", stage.folder], check=False)
    marks.note_end(stage, made)
    return made


def restore(stage: Stage, before: Path, mark: Path) -> None:
    """Put the mark back where a failed start left all that stands under it as it was."""
    if before.exists():
        before.replace(mark)
        fault, _ = outputs.output_fault(stage, marks.read(stage.mark))
        if fault:
            mark.unlink()


def stop(*_: object) -> None:
    """Handle one of `SIGNALS`."""
    raise Stopped


def main() -> None:
    words = sys.argv[1:]
    if "--" not in words:
        print(__doc__)
        sys.exit(0 if words in (["--help"], ["-h"]) else 1)
    experiment = words[1] if words[0] == "--experiment" else None
    divide = words.index("--")
    stage, command = parse(words[2 if experiment else 0 : divide]), words[divide + 1 :]
    parent = os.getppid()
    processes.end_with_parent(parent)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, stop)
    try:
        if experiment:
            locks.take_experiment(stage.folder, parent, experiment == "wait", partial(say, stage))
        with marks.stage_lock(stage.mark, lambda: say(stage, "waits for another make, which makes it")):
            make(stage, command)
    except OSError as error:
        error.filename = error.filename or stage.folder
        if words := faults.told(error):
            sys.exit(f"{stage.label} failed: {words}, then run the same command again")
        raise
    except Stopped:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        sys.exit(f"{stage.label} was stopped; the same command goes on from here")


if __name__ == "__main__":
    cli.run(main)
