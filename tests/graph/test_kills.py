"""SIGKILL at random instants of every stage: the next ``make results`` ends as an undisturbed build does.

In turn the whole build dies (as with the machine's power), make alone, the stage's keeper alone, or one
process that the stage started. By hand, with more kills and their count by stage:

    KILLS=100 .venv/bin/python -m pytest -s tests/graph/test_kills.py
"""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from builds import OUTPUTS, Build, processes_of, seconds_of, wait_for_start

pytestmark = pytest.mark.slow
VICTIMS = ("everything", "make", "keeper", "worker")
KILLS = int(os.environ.get("KILLS", 20))


def kill(build: Build, make: subprocess.Popen, victim: str, draw: random.Random) -> None:
    """SIGKILL to ``victim``; returns when everything that was meant to die has."""
    running = processes_of(build)
    keepers = [pid for pid, line in running.items() if "make_stage.py" in line]
    workers = [pid for pid in running if pid not in keepers and pid != make.pid]
    chosen = {
        "everything": list(running),
        "make": [make.pid],
        "keeper": keepers,
        "worker": draw.sample(workers, 1) if workers else [],
    }[victim]
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    make.wait(300)  # a victim that had ended already stops nothing


@pytest.mark.parametrize("number", range(KILLS))
def test_a_build_killed_at_any_instant_ends_with_the_same_content(pristine, build, number):
    draw = random.Random(number)
    stage, victim = list(OUTPUTS)[number % len(OUTPUTS)], VICTIMS[number % len(VICTIMS)]
    whole, duration = pristine.content(), seconds_of(build, stage)
    subprocess.run(["rm", "-r", build.folder / OUTPUTS[stage]], check=True)
    make = build.start("results")
    wait_for_start(build, stage)
    after = draw.uniform(0, duration)
    time.sleep(after)
    ended = make.poll() is not None
    kill(build, make, victim, draw)
    done = build.make("results")
    assert build.content() == whole, done.stdout[-2000:]
    assert build.planned() == ["up to date"]
    assert not processes_of(build)
    late = ", too late" if ended else ""
    print(f"kill {number}: {stage} after {after:.2f} of {duration} s, {victim}{late}: survived")
