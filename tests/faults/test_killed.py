"""One of a stage's processes is killed, or all stand still for a while; the rerun completes."""

import os
import signal
import time

import pytest

from builds import processes_of, wait_for_start
from machine import find, forget, manifest, wait_for

pytestmark = [pytest.mark.attack("faults"), pytest.mark.slow]


def kill_and_make_again(build, pristine, stage, goal, victims, words, knobs):
    """SIGKILL to the last of ``victims``, found by what is given to `find`; ``goal`` fails with ``words``."""
    forget(build, stage)
    (build.run() / f".make/{stage}.log").unlink()  # else its words would be waited for no longer
    make = build.start(goal, **knobs)
    try:
        wait_for(build, stage, victims.pop("after"))
        pid = find(build, **victims)[-1]
        os.kill(pid, signal.SIGKILL)
        assert make.wait(120) != 0
    finally:
        make.kill()
    said = (build.folder / "make.log").read_text()
    assert words in said and "Traceback" not in said, said[-3000:]
    assert not processes_of(build)
    build.make(goal, **knobs)
    return said


@pytest.mark.long
def test_a_killed_training_names_the_signal_and_knob(build, pristine):
    victims = {"after": "GFLOP", "words": "py/train.py --deepspeed"}
    kill_and_make_again(
        build, pristine, "pretrain", "pretrain", victims, "SIGKILL ended it, for want of memory", {}
    )
    assert manifest(build, "pretrain") == manifest(pristine, "pretrain")


@pytest.mark.long
def test_a_killed_process_of_the_loader_ends_the_training(build, pristine):
    knobs = {
        "DATALOADER_NUM_WORKERS": "1",
        "PRETRAIN_GLOBAL_BATCH_SIZE": "2",
        "PRETRAIN_BATCH_SIZE_PER_GPU": "1",
    }
    victims = {"after": "GFLOP", "words": "py/train.py --deepspeed", "least": 2}
    words = "one of its processes was killed, for want of memory"
    kill_and_make_again(build, pristine, "pretrain", "pretrain", victims, words, knobs)


@pytest.mark.long
@pytest.mark.parametrize("launcher", ["torchrun", "deepspeed"])
def test_a_killed_rank_of_two_ends_the_other(build, pristine, launcher):
    knobs = {"LAUNCHER": launcher, "NUM_GPUS": "2", "PRETRAIN_BATCH_SIZE_PER_GPU": "4"}
    victims = {"after": "GFLOP", "words": "py/train.py", "variable": "LOCAL_RANK=1"}
    kill_and_make_again(
        build, pristine, "pretrain", "pretrain", victims, "pretrain.sh: training failed", knobs
    )


@pytest.mark.long
def test_a_killed_chunk_of_an_evaluation_ends_the_others(build, pristine):
    victims = {"after": "answer_textvqa.py", "words": "--chunk_idx 1"}
    words = "SIGKILL ended it, for want of memory perhaps: lower EVAL_BATCH_SIZE"
    kill_and_make_again(build, pristine, "textvqa", "eval", victims, words, {"NUM_GPUS": "2"})
    found = (build.run() / "eval/textvqa/bm1.jsonl").read_bytes()
    assert found == (pristine.run() / "eval/textvqa/bm1.jsonl").read_bytes()


def test_a_killed_process_of_synthesis_ends_the_others(build, pristine):
    victims = {"after": "run_data_juicer.py", "words": "run_data_juicer.py --config"}
    words = "lower SYNTH_BATCH_SIZE or SYNTH_PROCESSES"
    kill_and_make_again(build, pristine, "synth", "synth", victims, words, {"SYNTH_PROCESSES": "2"})
    assert manifest(build, "synth") == manifest(pristine, "synth")


@pytest.mark.parametrize(
    ("stage", "goal"),
    [
        ("synth", "synth"),
        pytest.param("pretrain", "pretrain", marks=pytest.mark.long),
        pytest.param("mmbench", "eval", marks=pytest.mark.long),
    ],
)
def test_a_build_that_stood_still_goes_on(build, pristine, stage, goal):
    forget(build, stage)
    make = build.start(goal)
    wait_for_start(build, stage)
    for _ in range(3):
        time.sleep(0.5)
        everything = processes_of(build)
        for which in (signal.SIGSTOP, signal.SIGCONT):
            for pid in everything:
                os.kill(pid, which)
            time.sleep(0.3)
    assert make.wait(120) == 0, (build.folder / "make.log").read_text()[-2000:]
    assert manifest(build, stage) == manifest(pristine, stage)
