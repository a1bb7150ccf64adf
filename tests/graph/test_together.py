"""Several makes, or several experiments of one make, at once."""

import json
import os
import re
import shutil
import socket
import time

import pytest

from builds import Build, stages_in, wait_for_start

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


def test_a_second_make_of_an_experiment_refuses_at_once_and_the_first_goes_on(build):
    shutil.rmtree(build.run() / "pretrain")
    first = build.start("results")
    wait_for_start(build, "pretrain")
    begun = time.monotonic()
    second = build.make("results", check=False, FINETUNE_LEARNING_RATE="5e-4")
    assert time.monotonic() - begun < 5
    assert second.returncode != 0
    assert f"is being built by another make, process {first.pid} on {socket.gethostname()}" in second.stderr
    assert "Traceback" not in second.stderr and stages_in(second.stdout) == set()
    refused = build.make("clean-run", check=False)
    assert refused.returncode != 0 and f"is being built by process {first.pid}" in refused.stderr
    assert first.wait(120) == 0
    assert build.planned() == ["up to date"]


def test_a_lock_that_a_dead_process_left_is_taken_over(build):
    (build.run() / ".make/owner").write_text(
        json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": 1})
    )
    (build.run() / "synth.llava.json").unlink()
    assert build.stages("results") == {"convert"}


def test_a_lock_from_another_host_is_left_alone_and_its_file_named(build):
    owner = build.run() / ".make/owner"
    owner.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": 1}))
    (build.run() / "synth.llava.json").unlink()
    done = build.make("results", check=False)
    assert done.returncode != 0 and "process 1 on elsewhere" in done.stderr
    assert "rm runs/demo/default/.make/owner" in done.stderr


def test_two_makes_at_once_share_models_data_and_baseline(forks, tmp_path):
    build = Build.new(tmp_path / "new")
    build.fork_from(forks)
    knobs = {name: value for name, value in build.knobs.items() if name != "BASELINE_EXP"}
    build.knobs = knobs | {"RECIPE": "recaption"}
    first = build.start("results", EXP="a")
    second = build.make("results", EXP="b")
    assert first.wait(300) == 0, (build.folder / "make.log").read_text()
    both = second.stdout + (build.folder / "make.log").read_text()
    for shared in ("standins", "world", "baseline pretrain", "baseline results"):
        assert len(re.findall(rf"{shared}\] starts", both)) == 1, shared
    assert build.content("a")["synth.jsonl"] == build.content("b")["synth.jsonl"]
    scores = [json.loads((build.run(name) / "results.json").read_text())["scores"] for name in ("a", "b")]
    assert scores[0] == scores[1]


def test_four_experiments_side_by_side_use_each_core_once(build):
    names = ("a", "b", "c", "d")
    make = build.start("-j4", "results", EXP=" ".join(names), PRETRAIN="no")
    assert make.wait(400) == 0, (build.folder / "make.log").read_text()[-2000:]
    running, most = 0, 0
    for line in (build.folder / "make.log").read_text().splitlines():
        running += line.endswith("] starts")
        running -= bool(re.search(r"^\[\S+ \S+\] done in", line))
        most = max(most, running)
    cores = len(os.sched_getaffinity(0))
    assert min(2, cores) <= most <= cores
    contents = [build.content(name) for name in names]
    for content in contents:
        del content["results.json"]  # it names its experiment
    assert contents[0] and all(content == contents[0] for content in contents)
