"""Ctrl-C and SIGTERM in each stage: all children end in 5 s, a line says how to go on, and going on works."""

import os
import signal
import subprocess
import time

import pytest

from builds import OUTPUTS, processes_of, seconds_of, wait_for_start

pytestmark = pytest.mark.slow
SLOWED = {"world": "py/world/make_data.py", "convert": "py/dj_to_llava.py", "results": "py/show_results.py"}
"""Stages that are over before a signal could come, and the script in which they are given time."""


@pytest.mark.parametrize("stage", OUTPUTS)
def test_an_interrupted_stage_ends_at_once_and_goes_on_later(build, pristine, forks, stage):
    number = list(OUTPUTS).index(stage)
    subprocess.run(["rm", "-r", build.folder / OUTPUTS[stage]], check=True)
    slowed = stage in SLOWED
    if slowed:
        script = build.folder / SLOWED[stage]
        quick = script.read_text()
        pause = "    __import__('time').sleep(20)\n    args = parse"
        script.write_text(quick.replace("    args = parse", pause))
    make = build.start("results")
    wait_for_start(build, stage)
    time.sleep(min(0.3 + number % 3, seconds_of(pristine, stage) / 2) if not slowed else 0.5)
    begun = time.monotonic()
    if number % 2:
        os.killpg(make.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
    else:
        make.send_signal(signal.SIGTERM)
    while left := processes_of(build):
        make.poll()
        assert time.monotonic() - begun < 5, left
        time.sleep(0.05)
    printed = (build.folder / "make.log").read_text()
    assert make.wait() != 0
    assert printed.count("was stopped; the same command goes on from here") == 1, printed[-1000:]
    assert "Traceback" not in printed
    if slowed:
        script.write_text(quick)
    build.fork_from(forks)
    build.make("results")
    assert build.content() == pristine.content()
