"""A full or read-only disk under each folder, at each stage: it is named, and the rerun completes."""

import re

import pytest

from attacks import run, untouched
from machine import PRIVATE, forget, make_under, manifest, mounted, remount, require, require_named, used

pytestmark = [pytest.mark.attack("faults"), pytest.mark.slow]
RUN, ROOM = "runs/demo/default", re.compile("free some room|it needs room|free disk space")
STAGES = [  # stage, folder that fills up, goal
    ("world", "data/demo", "data"),
    ("standins", "models/demo", "models"),
    ("synth", RUN, "synth"),
    ("convert", RUN, "convert"),
    ("pretrain", f"{RUN}/pretrain", "pretrain"),
    ("finetune", f"{RUN}/finetune", "finetune"),
    ("textvqa", f"{RUN}/eval", "eval"),
    ("mmbench", f"{RUN}/eval", "eval"),
    ("results", RUN, "results"),
]
LEFT = [0, 4096, 16_384, 65_536, 262_144, 1_048_576]  # bytes, when the stage starts


def fill(build, pristine, stage, folder, goal, left):
    """Make ``goal`` with ``left`` bytes of room; where it fails it says why, and the next one completes."""
    forget(build, stage)
    goal = f"{RUN}/.make/convert" if goal == "convert" else goal
    with mounted(build.folder / folder):
        remount(build.folder / folder, f"size={used(build.folder / folder) + max(left, 1)}")
        done = build.make(goal, check=False)
        said = done.stdout + done.stderr
        if done.returncode:
            require_named(build, done)
            assert ROOM.search(said), said[-3000:]
        remount(build.folder / folder, "size=1g")
        build.make(goal)
        assert manifest(build, stage) == manifest(pristine, stage)
    return done.returncode


@pytest.mark.parametrize(("stage", "left"), [("world", 65_536), ("standins", 1_048_576), ("synth", 4096)])
def test_a_full_disk_is_named_and_the_rerun_completes(build, pristine, stage, left):
    folder, goal = next((folder, goal) for name, folder, goal in STAGES if name == stage)
    assert fill(build, pristine, stage, folder, goal, left) != 0


@pytest.mark.long
@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize(("stage", "folder", "goal"), STAGES)
def test_a_disk_that_fills_up_at_any_point_is_named(build, pristine, stage, folder, goal, left):
    status = fill(build, pristine, stage, folder, goal, left)
    assert status or left, "nothing fits on a full disk"


def test_a_store_without_room_is_named_and_the_rerun_completes(build, pristine):
    forget(build, "synth")
    (build.folder / "store").mkdir()
    with mounted(build.folder / "store", "size=16k"):
        done = build.make("synth", check=False, STORE="store/s.sqlite")
        require_named(build, done, "store/s.sqlite", "it needs room")
        remount(build.folder / "store", "size=1g")
        build.make("synth", STORE="store/s.sqlite")
    assert manifest(build, "synth") == manifest(pristine, "synth")


def test_a_read_only_run_is_named_and_the_rerun_completes(build, pristine):
    forget(build, "convert")
    convert = f"{RUN}/.make/convert"
    with mounted(build.folder / RUN, "ro"):
        with untouched(build.folder / RUN):
            require_named(
                build, build.make(convert, check=False), "Read-only file system; make the folder writable"
            )
        remount(build.folder / RUN, "rw")
        build.make(convert)
        assert manifest(build, "convert") == manifest(pristine, "convert")


@pytest.mark.long
def test_a_full_feature_cache_costs_time_alone(build, pristine):
    forget(build, "pretrain")
    with mounted(build.folder / "features", "size=1m"):
        done = build.make("pretrain", FEATURE_CACHE="features")
    assert "no more are kept" in done.stdout, done.stdout[-2000:]
    assert manifest(build, "pretrain") == manifest(pristine, "pretrain")


def test_runs_linked_to_another_disk_are_built_there(build, pristine):
    forget(build, "synth", "convert")
    (build.folder / "runs").rename(build.folder / "old")
    with mounted(build.folder / "elsewhere"):
        run(["cp", "-a", "old", "elsewhere/runs"], build.folder)
        (build.folder / "runs").symlink_to("elsewhere/runs")
        build.make("results")
        assert manifest(build, "convert") == manifest(pristine, "convert")
        assert build.planned() == ["up to date"]


@pytest.mark.parametrize(
    ("place", "script"),
    [
        ("is no folder", 'export TMPDIR=/nonexistent/tmp; exec "$@"'),
        ("has no room", 'mount -t tmpfs -o nr_inodes=1 tmpfs /mnt; export TMPDIR=/mnt; exec "$@"'),
    ],
)
def test_a_tmpdir_that_cannot_be_written_is_named(build, pristine, place, script):
    require(*PRIVATE, "mount -t tmpfs tmpfs /mnt")
    forget(build, "synth")
    require_named(
        build, make_under([*PRIVATE, script, "x"], build, "synth"), "TMPDIR=/", "set TMPDIR to another one"
    )
    build.make("synth")
    assert manifest(build, "synth") == manifest(pristine, "synth")
