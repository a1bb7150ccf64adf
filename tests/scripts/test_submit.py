"""submit.sh: a zip has its name only without faults; what was edited is kept; the rest is left as it was."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from submissions import write_run

ROOT = Path(__file__).resolve().parents[2]


def submit(*words: object, **environment: str) -> subprocess.CompletedProcess:
    command = [str(ROOT / "scripts/submit.sh"), *map(str, words)]
    env = os.environ | {"PYTHON": sys.executable} | environment
    return subprocess.run(command, capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A run with both submissions made, and what the online one printed."""
    base = tmp_path_factory.mktemp("submit")
    run = write_run(base)
    flags = [
        "--run",
        run,
        "--profile",
        "full",
        "--recipe",
        base / "recipe.yaml",
        "--seed",
        base / "seed.jsonl",
    ]
    done = submit(*flags, MY_TOKEN="s3cret-s3cret-s3cret")
    assert done.returncode == 0, done.stderr
    return base, flags, done


@pytest.fixture
def made(built, tmp_path):
    base = shutil.copytree(built[0], tmp_path / "base")
    run = base / "runs/full/mine"
    flags = [
        "--run",
        run,
        "--profile",
        "full",
        "--recipe",
        base / "recipe.yaml",
        "--seed",
        base / "seed.jsonl",
    ]
    return run, flags


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.endswith((".work", "+"))]


def test_the_zip_holds_what_the_folder_holds_and_no_secret_of_the_environment(built):
    run = built[0] / "runs/full/mine"
    with zipfile.ZipFile(run / "submit.zip") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    folder = run / "submission"
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert held == files
    assert not [name for name, content in held.items() if b"s3cret-s3cret" in content]
    assert f"submit.sh: {run}/submit.zip is ready\n" in built[2].stdout and leftovers(built[0]) == []


def test_the_offline_one_has_a_place_of_its_own(made):
    run, flags = made
    before = (run / "submit.zip").read_bytes()
    done = submit(*flags, "--offline")
    assert done.returncode == 0, done.stderr
    assert (run / "offline/submission/output/processed_data").is_dir() and (
        run / "offline/submit.zip"
    ).is_file()
    assert (run / "submit.zip").read_bytes() == before


def test_a_fault_leaves_the_earlier_submission_as_it_was(made):
    run, flags = made
    before = (run / "submit.zip").read_bytes()
    (run / "eval/mmbench/upload.xlsx").write_bytes(b"PK none")
    done = submit(*flags)
    assert done.returncode == 1 and "upload.xlsx: not a readable .xlsx" in done.stderr
    assert (run / "submit.zip").read_bytes() == before and (run / "submission").is_dir()
    assert leftovers(run) == []


def test_a_secret_that_got_into_the_run_is_refused_by_name(made):
    run, flags = made
    shutil.rmtree(run / "submission")
    (run / "submit.zip").unlink()
    (run / "eval/textvqa/notes.txt").write_text("key s3cret-s3cret-s3cret\n")
    done = submit(*flags, MY_TOKEN="s3cret-s3cret-s3cret")
    assert done.returncode == 1 and "textvqa/notes.txt: holds the value of $MY_TOKEN" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert not (run / "submit.zip").exists() and not (run / "submission").exists()


def test_an_edited_folder_is_kept_and_an_unedited_one_replaced(made):
    run, flags = made
    assert submit(*flags).returncode == 0 and not (run / "submission.edited").exists()
    for kept in ("submission.edited", "submission.edited-2"):
        (run / "submission/solution/readme").write_text(f"{kept}\nProfile: full\n")
        done = submit(*flags)
        assert done.returncode == 0 and f"kept as {run}/{kept}" in done.stdout
        assert (run / kept / "solution/readme").read_text().startswith(f"{kept}\n")
    assert "Better Synth" in (run / "submission/solution/readme").read_text()


def test_an_edited_folder_is_packed_only_without_faults(made, tmp_path):
    run, target = made[0], tmp_path / "my own.zip"
    (run / "submission/solution/readme").write_text("mine\n")
    assert submit("--folder", run / "submission", "--zip", target, "--profile", "full").returncode == 0
    assert zipfile.ZipFile(target).read("solution/readme") == b"mine\n" and (run / "submission").is_dir()
    before = target.read_bytes()
    (run / "submission/output/train.sh").unlink()
    done = submit("--folder", run / "submission", "--zip", target)
    assert done.returncode == 1 and "output/train.sh: missing" in done.stderr
    assert target.read_bytes() == before and leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--bogus", "1"], "unknown option --bogus"),
        (["--run"], "--run needs a value"),
        (["--run", "x", "--profile", "full", "--seed", "s"], "--recipe is missing"),
        (["--run", "x", "--profile", "full", "--seed", "s", "--recipe", "r"], "x: no such folder"),
        (["--folder", "x"], "--zip is missing"),
        (["--folder", "x", "--zip", "z.zip", "--run", "r"], "leave out --run and --output"),
    ],
)
def test_wrong_words_are_named(words, told):
    done = submit(*words)
    assert done.returncode == 1 and told in done.stderr and done.stdout == ""


def test_help_has_an_example():
    done = submit("--help")
    assert done.returncode == 0 and "example: scripts/submit.sh --run runs/demo/default" in done.stdout
