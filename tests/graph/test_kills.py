"""SIGKILL at random instants of every stage: the next make ends as an undisturbed build does.

In turn the whole build dies (as with the machine's power), make alone, the stage's keeper alone, or one
process that the stage started. 6 kills in ``make test``, 120 in ``make torture``.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from builds import OUTPUTS, Build, processes_of, seconds_of, wait_for_start
from forks import Forks

pytestmark = [pytest.mark.slow, pytest.mark.attack("kills")]
VICTIMS = ("everything", "make", "keeper", "worker")
KILLS = {"build": (5, 90), "sweep": (15, 15), "store": (1, 15)}
"""How many of what, in ``make test`` (of a sweep none: test_sweep.py kills one) and in ``make torture``."""
SWEEP = {"RECIPES": "seed clean", "RANDOM_SEEDS": "1"}
RUNS = ("seed-s1", "clean-s1")
OF_A_RUN = ("synth.llava.json", "pretrain", "finetune", "eval/textvqa", "results.json")
STORE = "store.sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    what = metafunc.function.__name__.split("_")[2]
    metafunc.parametrize("number", range(KILLS[what][metafunc.config.option.torture]))


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


def kill_at_random(build: Build, make: subprocess.Popen, stage: str, longest: float, number: int) -> None:
    """Kill the victim whose turn it is, at most ``longest`` seconds after ``stage`` started."""
    draw = random.Random(number)
    victim, after = VICTIMS[number % len(VICTIMS)], draw.uniform(0, longest)
    wait_for_start(build, stage)
    time.sleep(after)
    late = ", too late" if make.poll() is not None else ""
    kill(build, make, victim, draw)
    print(f"kill {number}: {victim}, {after:.2f} of {longest} s after the start of {stage}{late}")


def test_a_build_killed_at_any_instant_ends_with_the_same_content(pristine, build, forks, number):
    stage = list(OUTPUTS)[number % len(OUTPUTS)]
    whole, duration = pristine.content(), seconds_of(build, stage)
    subprocess.run(["rm", "-r", build.folder / OUTPUTS[stage]], check=True)
    kill_at_random(build, build.start("results"), stage, duration, number)
    build.fork_from(forks)
    done = build.make("results")
    assert build.content() == whole, done.stdout[-2000:]
    assert build.planned() == ["up to date"]
    assert not processes_of(build)


@pytest.fixture(scope="module")
def swept(pristine: Build, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Build:
    build = pristine.copy(tmp_path_factory.mktemp("swept") / "project")
    build.knobs = {"SAVE_STEPS": "2", **SWEEP}
    build.fork_from(forks)
    build.make("sweep")
    build.fork_no_more()
    return build


def all_of(build: Build) -> dict[str, object]:
    """What a sweep made."""
    board = json.loads((build.folder / "runs/demo/leaderboard.json").read_text())
    for entry in board:
        del entry["cost"]  # its minutes
    return {name: build.content(name) for name in RUNS} | {"leaderboard": board}


@pytest.mark.long
def test_a_sweep_killed_at_any_instant_ends_with_the_same_content(swept, forks, tmp_path, number):
    build, draw = swept.copy(tmp_path / "project"), random.Random(number)
    whole = all_of(swept)
    for name in RUNS:
        subprocess.run(["rm", "-r", build.run(name) / draw.choice(OF_A_RUN)], check=True)
    make = build.start("sweep")
    kill_at_random(build, make, "", 12.0, number)
    build.fork_from(forks)
    build.make("sweep")
    assert all_of(build) == whole
    assert build.make("plan", GOAL="sweep").stdout.splitlines() == ["up to date"]
    assert not processes_of(build)


@pytest.fixture(scope="module")
def captioned(pristine: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """By stages of its own, no forks: how long they take says when the next ones are killed."""
    build = pristine.copy(tmp_path_factory.mktemp("captioned") / "project")
    build.knobs = {"RECIPE": "filter_recaption", "STORE": STORE, "EXP": "captioned", "SYNTH_BATCH_SIZE": "4"}
    build.make("synth")
    return build


def answers(store: Path) -> list[tuple]:
    """All that a store holds, by model; it must be sound."""
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT name, key, value FROM answers JOIN models ON model = number ORDER BY name, key"
        return connection.execute(query).fetchall()


def test_a_store_killed_at_any_instant_holds_the_same_answers(captioned, forks, tmp_path, number):
    build = captioned.copy(tmp_path / "project")
    shutil.rmtree(build.run("captioned"))
    for path in build.folder.glob(f"{STORE}*"):
        path.unlink()
    duration = 1.2 * seconds_of(captioned, "synth", "captioned")
    kill_at_random(build, build.start("synth"), "synth", duration, number)
    build.fork_from(forks)
    build.make("synth")
    for name in ("synth.jsonl", "ledger.jsonl"):
        assert (build.run("captioned") / name).read_bytes() == (
            captioned.run("captioned") / name
        ).read_bytes()
    assert answers(build.folder / STORE) == answers(captioned.folder / STORE)
