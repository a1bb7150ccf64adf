"""`make doctor` as a whole: its exit status, its lines and its JSON, before and after the installation."""

import ast
import json
import os
import shutil
import socket

import pytest

from builds import ROOT, Build
from doctor import examine
from doctor.finding import error, ok
from doctor.wanted import Wanted


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the packages of the one under test, and a driver that does not answer."""
    if not (ROOT / ".venv/.requires.json").exists():
        pytest.skip("needs .venv (make env)")
    build = Build.new(tmp_path_factory.mktemp("doctor") / "project")
    (build.folder / ".venv/.installed").touch()
    (build.folder / "bin").mkdir()
    driver = build.folder / "bin/nvidia-smi"
    driver.write_text('#!/bin/sh\necho "NVIDIA-SMI has failed because it couldn\'t communicate"\nexit 9\n')
    driver.chmod(0o755)
    return build.with_knobs()


def doctor(build, check=True, **knobs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    environ = {"PATH": f"{build.folder}/bin:{os.environ['PATH']}", "HF_ENDPOINT": nobody}
    build.knobs = {"SOURCE_BASE": nobody, "DOCTOR_FLAGS": "--no-build"}
    return build.make("doctor", check=check, env=environ, **knobs)


def test_the_demo_runs_on_this_machine(project):
    """What killed runs left is told, and no error."""
    run = project.folder / "runs/demo/mine"
    for name in (".make", ".synth.work"):
        (run / name).mkdir(parents=True)
    done = doctor(project)
    told = "warning  left over        1 (0 B): runs/demo/mine/.synth.work → make clean-leftovers"
    assert told in done.stdout
    assert "error " not in done.stdout and done.stdout.splitlines()[-1].startswith("PROFILE=demo: 0 errors")
    assert "installed, torch" in done.stdout


def test_before_the_installation_the_rest_is_checked(project, tmp_path):
    fresh = project.copy(tmp_path / "fresh")
    shutil.rmtree(fresh.folder / ".venv")
    done = doctor(fresh)
    assert "warning  .venv " in done.stdout and "→ make env, then make doctor again" in done.stdout
    assert "ok       rights" in done.stdout and not (fresh.folder / ".venv").exists()


def test_the_official_profile_without_a_gpu_gives_errors_with_remedies(project, monkeypatch):
    monkeypatch.delenv("DS_ACCELERATOR", raising=False)  # `make test` hides GPUs, as the demo does
    done = doctor(project, check=False, PROFILE="10k", DOCTOR_FLAGS="--no-build --json", NUM_GPUS="3")
    report = json.loads(done.stdout)
    errors = {finding["what"]: finding for finding in report["findings"] if finding["level"] == "error"}
    assert done.returncode and report["errors"] >= 3 and {"GPU", "sources", "pretrain batch"} <= errors.keys()
    assert all(finding["remedy"] for finding in errors.values())
    remedies = " ".join(finding["remedy"] for finding in report["findings"] if finding["what"] == "sources")
    for name in ("gemma-2b-it", "blip2-opt-2.7b", "seed_set", "finetune_set", "eval_set"):
        assert f"SOURCE.{name}" in remedies, "each download is asked for"


def test_an_old_python_can_read_the_script_that_refuses_it():
    text = (ROOT / "py/doctor/examine.py").read_text()
    tree = ast.parse(text, feature_version=(3, 7))
    first = next(node for node in tree.body if isinstance(node, ast.If))
    before = [node for node in tree.body[: tree.body.index(first)] if isinstance(node, ast.Import)]
    assert [name.name for node in before for name in node.names] == ["sys"], "nothing newer comes before"


def test_a_check_that_does_not_understand_its_machine_is_a_finding(monkeypatch):
    def odd(machine, wanted):
        yield ok("odd", "begins well")
        raise ValueError("twelve")

    monkeypatch.setattr(examine, "TOPICS", [type("Topic", (), {"CHECKS": (odd,)})])
    first, second = examine.examine(None, Wanted())
    assert first.level == "ok" and second.level == "warning" and "twelve" in second.found


def test_a_finding_is_one_line():
    assert error("disk", "full", "free some").line() == "error    disk             full → free some"
    assert ok("disk", "900 GB").line() == "ok       disk             900 GB"
