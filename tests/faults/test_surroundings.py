"""Odd surroundings: locale, HOME, rights, limits, users, clocks, /dev/shm, standard streams."""

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from attacks import require_refusal, run
from builds import wait_for_start
from machine import PRIVATE, forget, make_under, manifest, require, require_named

pytestmark = [pytest.mark.attack("faults"), pytest.mark.slow]
WITHOUT_SHM = """mount -t tmpfs tmpfs /mnt
for name in null zero full random urandom; do touch /mnt/$name; mount --bind /dev/$name /mnt/$name; done
ln -s /proc/self/fd /mnt/fd
mount --rbind /mnt /dev
exec "$@"
"""
READ_ONLY_SHM = 'mount -t tmpfs -o ro tmpfs /dev/shm; exec "$@"'
SMALL_SHM = 'mount -t tmpfs -o size=64k tmpfs /dev/shm; exec "$@"'
SURVIVED = {
    "a locale without UTF-8": ["env", "LC_ALL=POSIX", "LANG=", "PYTHONUTF8=0", "PYTHONCOERCECLOCALE=0"],
    "no HOME": ["env", "-u", "HOME"],
    "a HOME that is not there": ["env", "HOME=/nonexistent/home"],
    "files for their owner alone": ["bash", "-c", 'umask 077; exec "$@"', "x"],
    "64 open files": ["prlimit", "--nofile=64"],
    "no standard input": ["bash", "-c", 'exec "$@" <&-', "x"],
    "another clock": ["unshare", "--time", "--boottime", "1000000", "--monotonic", "1000000"],
    "TMPDIR on another disk": [*PRIVATE, 'mount -t tmpfs tmpfs /mnt; export TMPDIR=/mnt; exec "$@"', "x"],
}
FIRST = ["a locale without UTF-8", "64 open files", "TMPDIR on another disk"]
GOALS = {"synth": "runs/demo/default/.make/convert", "pretrain": "pretrain", "textvqa": "eval"}


def survive(build, pristine, name, stage):
    require(*SURVIVED[name], "true")
    forget(build, stage)
    done = make_under(SURVIVED[name], build, GOALS[stage])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert manifest(build, stage) == manifest(pristine, stage)
    assert build.planned() == ["up to date"]


@pytest.mark.parametrize(
    "name", [n if n in FIRST else pytest.param(n, marks=pytest.mark.long) for n in SURVIVED]
)
def test_synthesis_survives(build, pristine, name):
    survive(build, pristine, name, "synth")


@pytest.mark.long
@pytest.mark.parametrize("stage", ["pretrain", "textvqa"])
@pytest.mark.parametrize("name", SURVIVED)
def test_training_and_evaluation_survive(build, pristine, name, stage):
    survive(build, pristine, name, stage)


@pytest.mark.parametrize("hours", [-24 * 400, 24 * 400])
def test_a_clock_set_back_or_ahead_changes_nothing(build, pristine, hours):
    when = time.time() + 3600 * hours
    for place in ("runs", "data", "models", "py", "scripts", "configs"):
        for path in (build.folder / place).rglob("*"):
            os.utime(path, (when, when), follow_symlinks=False)
    assert build.planned() == ["up to date"]
    forget(build, "convert")
    build.make("results")
    assert build.content() == pristine.content()


def test_another_user_than_root_builds_the_same(pristine):
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent"]
    require(*user, sys.executable, "-c", "pass")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are for root alone
        build = pristine.copy(Path(folder, "project"))
        forget(build, "synth")
        run(["chown", "-R", "65534:65534", folder], build.folder)
        done = make_under(user, build, "synth")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert manifest(build, "synth") == manifest(pristine, "synth")


def test_a_folder_that_may_not_be_written_is_named(build, pristine):
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]  # root, but for files as anyone
    require(*powerless, "true")
    forget(build, "convert")
    run(["chmod", "a-w", "runs/demo/default", "runs/demo/default/.make"], build.folder)
    done = make_under(powerless, build, GOALS["synth"])
    require_named(build, done, "Permission denied", "let this user read and write it")
    run(["chmod", "u+w", "runs/demo/default", "runs/demo/default/.make"], build.folder)
    build.make(GOALS["synth"])
    assert manifest(build, "convert") == manifest(pristine, "convert")


@pytest.mark.parametrize(
    ("stage", "script", "knobs"),
    [
        ("synth", READ_ONLY_SHM, {"SYNTH_PROCESSES": "2"}),
        ("synth", WITHOUT_SHM, {}),
        pytest.param("pretrain", SMALL_SHM, {"DATALOADER_NUM_WORKERS": "1"}, marks=pytest.mark.long),
        pytest.param("synth", READ_ONLY_SHM, {}, marks=pytest.mark.long),
        pytest.param("pretrain", READ_ONLY_SHM, {"DATALOADER_NUM_WORKERS": "1"}, marks=pytest.mark.long),
        pytest.param("pretrain", WITHOUT_SHM, {"DATALOADER_NUM_WORKERS": "1"}, marks=pytest.mark.long),
    ],
)
def test_shared_memory_that_cannot_be_used_is_named(build, pristine, stage, script, knobs):
    require(*PRIVATE, "mount -t tmpfs tmpfs /dev/shm")
    forget(build, stage)
    done = make_under([*PRIVATE, script, "x"], build, stage, knobs=knobs, timeout=120)
    require_named(build, done, "/dev/shm")
    build.make(stage)
    assert manifest(build, stage) == manifest(pristine, stage)


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("standard output is closed", '"$@" >&-'),
        ("standard output and error are closed", '"$@" >&- 2>&-'),
        ("all three streams are closed", '"$@" <&- >&- 2>&-'),
        ("standard output is a full disk", '"$@" >/dev/full'),
        ("whoever reads the output ends", '"$@" | head -n 1'),
    ],
)
def test_a_build_that_nobody_reads_completes(build, pristine, name, script):
    forget(build, "synth")
    done = make_under(["bash", "-c", script, "x"], build, GOALS["synth"])
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    assert manifest(build, "synth") == manifest(pristine, "synth")
    assert build.planned() == ["up to date"]


def test_a_plan_whose_reader_ends_or_has_no_room_shows_no_traceback(pristine):
    for redirect in ("| true", "> /dev/full", ">&-"):
        done = run(["bash", "-c", f"sleep 0.1; make plan RANDOM_SEED=7 {redirect}"], pristine.folder)
        assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    require_refusal(
        run(["bash", "-c", "make plan RANDOM_SEED=7 > /dev/full"], pristine.folder), "No space left"
    )


def test_a_seed_changed_while_it_is_read_is_read_again(build, pristine):
    seed = build.folder / "data/demo/seed/mine.jsonl"
    lines = (build.folder / "data/demo/seed/mgm_pretrain_demo.jsonl").read_text().splitlines(keepends=True)
    seed.write_text("".join(lines))
    convert, knobs = GOALS["synth"], {"SEED": "data/demo/seed/mine.jsonl"}
    build.make(convert, **knobs)
    before = manifest(build, "synth")
    seed.write_text("".join(lines[:40]))
    make = build.start(convert, **knobs)
    wait_for_start(build, "synth")
    seed.write_text("".join(lines))
    make.wait(120)
    build.make(convert, **knobs)
    assert manifest(build, "synth") == before and build.planned(**knobs)


@pytest.mark.long
@pytest.mark.parametrize(
    ("stage", "goal", "path"),
    [
        ("pretrain", "pretrain", "data/demo/seed/images"),
        ("textvqa", "eval", "data/demo/eval/textvqa/train_images"),
    ],
)
def test_an_image_changed_while_it_is_read_is_noticed(build, stage, goal, path):
    forget(build, stage)
    image, other = sorted((build.folder / path).rglob("*.jpg"))[:2]
    make = build.start(goal)
    wait_for_start(build, stage)
    image.write_bytes(other.read_bytes())
    make.wait(120)
    assert any(str(image.relative_to(build.folder)) in line or "world" in line for line in build.planned())
    build.make("results")
    assert build.planned() == ["up to date"]
