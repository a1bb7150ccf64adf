"""Bad knobs, names and places: one clear message, exit status, earlier targets untouched."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builds import Build

pytestmark = pytest.mark.slow
BAD_KNOBS = [
    ({"RECIEPE": "x"}, "RECIEPE is no knob; did you mean RECIPE?"),
    ({"recipe": "x"}, "recipe is no knob; did you mean RECIPE?"),
    ({"PRETRAIN_LERNING_RATE": "1"}, "did you mean PRETRAIN_LEARNING_RATE?"),
    ({"PROFILE": "huge"}, "PROFILE=huge is unknown; there are: "),
    ({"RECIPE": "none"}, "RECIPE=none is unknown; there are: "),
    ({"EXP": "a/b"}, "EXP='a/b'"),
    ({"EXP": ".."}, "EXP='..'"),
    ({"EXP": ""}, "EXP=''"),
    ({"PRETRAIN": "True"}, "PRETRAIN='True' must be yes or no"),
    ({"SEED": "my dir/seed.jsonl"}, "SEED='my dir/seed.jsonl': a path with a space"),
    ({"SEED": "gone.jsonl"}, "gone.jsonl: no such file; correct the knob that names it"),
]


def files(build: Build) -> dict[str, bytes]:
    paths = sorted(path for path in build.run().rglob("*") if path.is_file() and path.name != "owner")
    return {str(path): path.read_bytes() for path in paths}


@pytest.mark.parametrize(("knobs", "words"), BAD_KNOBS)
def test_a_bad_knob_is_named_and_nothing_runs(pristine, knobs, words):
    before = files(pristine)
    for goals in (["results"], ["plan"], ["-n", "results"]):
        done = pristine.make(*goals, check=False, **knobs)
        assert done.returncode != 0 and words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert files(pristine) == before


def test_a_project_in_a_path_with_a_space_is_refused(pristine, tmp_path):
    build = pristine.copy(tmp_path / "my project")
    done = build.make("results", check=False)
    assert done.returncode != 0 and "a path with a space is more than make can handle" in done.stderr


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("synth.jsonl", "default/synth.jsonl is a folder, where [default synth] makes a file; move it away"),
        ("results.json", "runs/demo/default/results.json is a folder"),
    ],
)
def test_a_folder_in_the_place_of_an_output_is_named(build, output, words):
    place = build.run() / output
    place.unlink()
    place.mkdir()
    (place / "precious").write_text("mine")
    done = build.make("results", check=False)
    assert done.returncode != 0 and words in done.stderr
    assert (place / "precious").read_text() == "mine"


def test_a_file_in_the_place_of_a_folder_is_named(build):
    shutil.rmtree(build.run() / "eval/textvqa")
    (build.run() / "eval/textvqa").write_text("mine")
    done = build.make("results", check=False)
    words = "eval/textvqa is a file, where [default textvqa] makes a folder"
    assert done.returncode != 0 and words in done.stderr


def test_a_damaged_mark_is_named(build):
    (build.run() / ".make/synth.made").write_text("{")
    done = build.make("results", check=False)
    assert done.returncode != 0 and ".make/synth.made: not readable as a mark" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small file system over ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_disk_is_named(build):
    with mounted(build.folder / "runs/demo/other", "-o", "ro"):
        done = build.make("results", check=False, EXP="other")
    assert done.returncode != 0 and "Read-only file system; make the folder writable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("size", ["16k", "64k", "200k", "1m"])
def test_a_full_disk_is_named_and_the_rerun_completes(build, pristine, size):
    with mounted(build.folder / "runs/demo/other", "-o", f"size={size}"):
        done = build.make("results", check=False, EXP="other")
        assert done.returncode != 0
        assert re.search("No space left on device|free disk space", done.stdout + done.stderr)
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=1g", build.folder / "runs/demo/other"], check=True)
        build.make("results", EXP="other")
        weights = "finetune/model.safetensors"
        assert build.content("other")[weights] == pristine.content()[weights]
