"""Submissions of a real run, by make: made once, remade when a part of them changed, loadable, checked."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from builds import KNOBS, ROOT, Build

pytestmark = pytest.mark.slow
TOKEN = "s3cret-of-the-environment"
FT = "output/training_dirs/MGM-2B-Finetune-default"


@pytest.fixture(scope="module")
def submitted(forks, tmp_path_factory) -> Build:
    if not (ROOT / ".venv/.requires.json").exists():
        pytest.skip("needs .venv (make env)")
    build = Build.new(tmp_path_factory.mktemp("submission") / "project")
    build.fork_from(forks)
    build.knobs = KNOBS | {"RECIPE": "recaption"}
    done = build.make("submission", "submission-offline", env={"HF_TOKEN": TOKEN, "MY_TOKEN": TOKEN})
    assert "a demo, for practice: not a submittable result" in done.stdout
    return build


@pytest.fixture
def build(submitted: Build, tmp_path: Path) -> Build:
    return submitted.copy(tmp_path / "project")


def test_it_is_made_once(build):
    goals = ["submission", "submission-offline"]
    assert build.stages(*goals) == set()
    assert build.make("-q", *goals, check=False).returncode == 0
    assert build.planned(GOAL="submission") == ["up to date"]


def test_it_is_remade_when_a_copied_file_changed_and_nothing_else_is(build):
    before = (build.run() / "submit.zip").read_bytes()
    with (build.folder / "scripts/table.sh").open("a") as file:
        file.write("# another word\n")
    assert build.stages("submission") == {"submission"}
    assert (build.run() / "submit.zip").read_bytes() != before
    (build.run() / "submission/output/train.sh").unlink()
    assert build.stages("submission") == {"submission"}
    assert (build.run() / "submission/output/train.sh").is_file()


def test_a_submission_without_synthesis_or_pretraining_is_refused_before_anything_runs(build):
    for knobs in ({"RECIPE": "seed"}, {"PRETRAIN": "no"}):
        done = build.make("submission", check=False, **knobs)
        assert (
            done.returncode != 0 and "the challenge asks for pretraining on synthesised data" in done.stderr
        )
        assert done.stdout == ""


def test_a_zip_is_checked_by_make_whatever_its_name(build, tmp_path):
    good = build.run() / "submit.zip"
    assert "online layout, profile demo, no faults" in build.make("check-submission").stdout
    assert (
        "offline layout" in build.make("check-submission", ZIP=str(build.run() / "offline/submit.zip")).stdout
    )
    bad = tmp_path / "it's mine.zip"
    shutil.copy(good, bad)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("notes.txt", "x")
    done = build.make("check-submission", check=False, ZIP=str(bad))
    assert done.returncode != 0 and "notes.txt: only solution/ and output/ may be at the top" in done.stderr
    done = build.make("check-submission", check=False, PROFILE="10k", ZIP=str(good))
    assert done.returncode != 0 and "the challenge's are (256, 128)" in done.stderr


@pytest.fixture(scope="module")
def unpacked(submitted: Build, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(submitted.run() / "offline/submit.zip") as archive:
        archive.extractall(folder)
        for info in archive.infolist():
            (folder / info.filename).chmod(info.external_attr >> 16)
    return folder


def test_no_secret_of_the_environment_is_in_it(submitted, unpacked):
    for path in unpacked.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


def test_the_checkpoint_in_it_loads_and_is_the_one_trained(submitted, unpacked):
    from mgm.checkpoint import load_mgm

    models = submitted.folder / "models/demo"
    towers = ("clip-vit-large-patch14-336", "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup")
    given = dict(zip(("vision_tower", "vision_tower_aux"), (models / name for name in towers), strict=True))
    trained = load_mgm(submitted.run() / "finetune").model.state_dict()
    loaded = load_mgm(unpacked / FT, **given).model.state_dict()
    assert loaded.keys() == trained.keys()
    assert all(loaded[name].equal(value) for name, value in trained.items())


def test_the_data_in_it_are_the_synthesised_ones_with_the_seeds_paths(submitted, unpacked):
    synth = [json.loads(line) for line in (submitted.run() / "synth.jsonl").read_text().splitlines()]
    lines = (unpacked / "output/processed_data/processed_data.jsonl").read_text().splitlines()
    seed = submitted.folder / "data/demo/seed"
    for ours, theirs in zip(map(json.loads, lines), synth, strict=True):
        assert (ours["id"], ours["text"]) == (theirs["id"], theirs["text"])
        assert (seed / ours["images"][0]).samefile(submitted.run() / theirs["images"][0])


def test_train_sh_gives_python_the_very_words_of_both_trainings(submitted, unpacked, tmp_path):
    python, project = tmp_path / "python", tmp_path / "project"
    python.write_text('#!/bin/bash\necho "$@" >> "$WORDS"\necho "$DS_ACCELERATOR" >> "$WORDS"\n')
    python.chmod(0o755)
    for name in ("configs", "models", "data"):
        shutil.copytree(submitted.folder / name, project / name)
    command, words = [unpacked / "output/train.sh", project], tmp_path / "words"
    env = os.environ | {"PYTHON": str(python), "WORDS": str(words)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "synth.llava.json is missing; in" in done.stderr and not words.exists()
    (project / "runs/demo/default").mkdir(parents=True)
    shutil.copy(submitted.run() / "synth.llava.json", project / "runs/demo/default")
    subprocess.run(command, env=env, check=True)
    printed = []
    for stage in ("pretrain", "finetune"):
        text = (submitted.run() / f".make/{stage}.log").read_text()
        line = next(line for line in text.splitlines() if line.startswith("+ "))
        printed += [line.split(" ", 2)[2].replace(f"{submitted.folder}/", ""), "cpu"]
    assert words.read_text().splitlines() == printed


def test_the_code_in_it_builds_again(unpacked):
    code = unpacked / "solution/code"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "plan", "RECIPE=recaption"], cwd=code, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0 and "run runs/demo/default/results.json: not made yet" in done.stdout
