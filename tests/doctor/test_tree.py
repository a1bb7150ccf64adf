"""`make doctor` looks at the tree: what killed runs left, what is not as made; its commands mend it."""

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attacks import cases, run
from builds import Build, processes_of
from doctor import examine, tree
from doctor.probes import Machine
from doctor.wanted import Wanted
from graph import leftovers
from graph.processes import VARIABLE, identity

pytestmark = pytest.mark.attack("what the doctor finds in the tree")

DEAD = 2**22 + 1  # above the largest process number that Linux has
RUN = "runs/demo/default"


@pytest.fixture(scope="module")
def project(pristine: Build, tmp_path_factory) -> Build:
    """A built project that every test leaves, or mends to be, without a finding."""
    return pristine.copy(tmp_path_factory.mktemp("tree") / "project")


@pytest.fixture
def look(project, monkeypatch, tmp_path):
    """A function that gives what the doctor finds in the project, asked as `make doctor` asks."""
    monkeypatch.chdir(project.folder)
    asked = shlex.split(run(["make", "-n", "doctor"], project.folder).stdout.replace("\\\n", " "))
    monkeypatch.setattr(sys, "argv", asked[asked.index("py/doctor/examine.py") :])
    args = vars(examine.parse())
    args.pop("json")
    wanted = Wanted(**args | {name: tuple(args[name]) for name in ("source", "knobs")})
    environ = {"TMPDIR": str(tmp_path)}

    def findings():
        found = list(tree.tree(Machine(Path.cwd(), environ), wanted))
        assert all("\n" not in finding.line() for finding in found)
        return found

    sound(findings())
    yield findings
    sound(findings())


def sound(found) -> None:
    assert [(finding.level, finding.what) for finding in found] == [("ok", "left over")], found


def paste(project: Build, command: str, status: int = 0) -> str:
    """Run what a finding says, as a person pastes it."""
    done = run(["bash", "-c", command.rpartition(": ")[2]], project.folder)
    assert done.returncode == status, (command, done.stdout, done.stderr)
    return done.stdout


def write(path: str | Path, size: int = 5000) -> Path:
    """A file at ``path``, or a folder with one in it where that ends in a slash."""
    file = Path(path, "content") if str(path).endswith("/") else Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return Path(path)


LEFT = (
    f"{RUN}/.synth.jsonl.{DEAD}+",
    f"{RUN}/.make/.synth.made.{DEAD}+",
    f"{RUN}/finetune/.model.safetensors+",
    f"{RUN}/.synth.work/",
    f"{RUN}/offline/.submit.work/",
    f"{RUN}/results.txt+",
    f"{RUN}/pretrain/checkpoint-2.foreign/",
    f"{RUN}/pretrain/checkpoint-4/",
    f"{RUN}/finetune/checkpoint-6/",
    f"data/demo/.seed.{DEAD}+/",
    "data/demo/seed+/",
    "data/demo/seed.old+/",
    f"models/demo/.gemma-2b-it.{DEAD}+/",
    f"data/features/0123456789abcdef/.{'0' * 16}.{DEAD}+",
    "runs/demo/leaderboard.txt+",
    f"runs/.bench.json.{DEAD}+",
    "README.md+",
    f"{RUN}/.it's $(touch pwned) `x`.{DEAD}+",
    f"{RUN}/.two\nlines.{DEAD}+",
)


def test_what_killed_runs_left_is_counted_and_one_command_removes_it(look, project, record_property):
    cases(record_property, len(LEFT))
    paths = [write(path) for path in LEFT]
    (project.folder / RUN / "finetune/checkpoint-6/complete.json").write_text("{}")
    (found,) = look()
    assert found.level == "warning" and found.remedy == "make clean-leftovers"
    assert found.found.startswith(f"{len(LEFT)} (") and "kB): README.md+, " in found.found
    assert found.found.endswith(f"and {len(LEFT) - 3} more")
    listed = paste(project, "make -n clean-leftovers")
    assert all(path.exists() for path in paths), "-n only lists"
    assert listed.count("would remove ") == len(LEFT) and f"would remove {RUN}/.synth.work/: " in listed
    paste(project, found.remedy)
    assert not any(path.exists() for path in paths) and not Path("pwned").exists()
    assert Path(RUN, "finetune/model.safetensors.index.json").exists(), "the rest stays"


def test_a_thousand_leftovers_are_one_line(look, project):
    for number in range(1000):
        write(f"data/features/0123456789abcdef/.{number:016x}.{DEAD}+", 1)
    (found,) = look()
    assert found.found.startswith("1000 (4.1 MB): ") and len(found.line()) < 400
    paste(project, found.remedy)


def test_what_is_in_use_is_not_left_over(look, project, record_property):
    cases(record_property, 5)
    mine = write(f"{RUN}/.synth.jsonl.{os.getpid()}+")
    by_hand = write(f"{RUN}/.mine.work/").resolve()
    with subprocess.Popen(["sleep", "60"], env={"HF_HOME": f"{by_hand}/huggingface"}) as process:
        sound(look())
        process.kill()
    assert look()[0].found.startswith("1 ("), "as soon as nobody works there"
    for harm in (f"{RUN}/.synth.work/", f"{RUN}/pretrain/checkpoint-2.foreign/"):
        write(harm)
    with Path(RUN, "pretrain/.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look()[0].found.endswith(f"{RUN}/.synth.work"), "a training by hand has its checkpoints"
    with Path(RUN, ".make/pretrain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sound(look())
        paste(project, "make clean-leftovers")
        assert Path(RUN, ".synth.work").exists()
    owner = Path(RUN, ".make/owner")
    before = owner.read_text()
    with subprocess.Popen(["sleep", "60"]) as process:
        owner.write_text(json.dumps(identity(process.pid)))
        sound(look())
        process.kill()
    owner.write_text(before)
    assert look()[0].found.startswith("3 (")
    paste(project, "make clean-leftovers")
    assert mine.exists()
    mine.unlink()


def test_what_a_download_goes_on_from_is_kept(tmp_path, monkeypatch):
    """A part belongs to what is not made yet; an earlier folder comes back where nothing is in its place."""
    monkeypatch.chdir(tmp_path)
    places = leftovers.Places(*map(Path, ("runs/10k", "data/10k", "models/10k", "none")))
    for path in ("models/10k/gemma-2b-it.part/", "data/10k/seed.old+/", "data/10k/eval.part/"):
        write(path)
    assert leftovers.find(places) == []
    wanted = Wanted("10k", runs="runs/10k", data="data/10k", models="models/10k")
    found = list(tree.unfinished(Machine(tmp_path, {}), wanted))
    assert [(finding.remedy, finding.found) for finding in found] == [
        ("make models PROFILE=10k", "models/10k: models/10k/gemma-2b-it.part"),
        ("make data PROFILE=10k", "data/10k: data/10k/eval.part"),
    ]
    for path in ("models/10k/.make/gemma-2b-it.made", "data/10k/.make/eval_set.made", "data/10k/seed/"):
        write(path)
    assert len(leftovers.find(places)) == 3
    with write("data/10k/eval.part/.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert len(leftovers.find(places)) == 2


def test_only_temporary_folders_of_dead_runs_are_named(look, project, tmp_path):
    mine = write(tmp_path / f"bsynth.{DEAD}.a b'c/")
    for other in (f"bsynth.{os.getpid()}.abcd/", "tmp.1234/", "bsynth.mine/"):
        write(tmp_path / other)
    (found,) = look()
    assert found.found.startswith("1 (") and found.remedy.startswith("rm -r ")
    paste(project, found.remedy)
    assert not mine.exists() and (tmp_path / "bsynth.mine").exists()


def test_the_scripts_name_their_temporary_folders_so(project, tmp_path):
    """Killed, synth.sh leaves one that the doctor knows as its own."""
    (tmp_path / "python").write_text("#!/bin/sh\nkill -9 $PPID\n")
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    command = (
        f"scripts/synth.sh --recipe configs/recipes/seed.yaml --seed README --output {tmp_path}/o.jsonl "
    )
    (project.folder / "README").touch()
    environment = {"PYTHON": str(tmp_path / "python"), "TMPDIR": str(tmp_path / "tmp")}
    run(["bash", "-c", f"{command} --ledger {tmp_path}/l.jsonl; true"], project.folder, environment)
    (project.folder / "README").unlink()
    (left,) = (tmp_path / "tmp").iterdir()
    assert tree.TEMPORARY.fullmatch(left.name) and (tmp_path / ".o.work").is_dir()


def test_processes_of_a_killed_run_are_named_and_end(look, project):
    mark = str(Path(RUN).resolve() / ".make/pretrain")
    with subprocess.Popen(["sleep", "60"], env={VARIABLE: mark}) as process:
        (found,) = look()
        assert found.remedy == f"kill {process.pid}" and f"{RUN}/.make/pretrain" in found.found
        with Path(f"{mark}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            sound(look())
        paste(project, found.remedy)
        process.wait(5)


def test_an_experiment_that_another_host_took_is_named_with_the_file_to_remove(look, project):
    owner = Path(RUN, ".make/owner")
    owner.write_text(json.dumps({"host": "else\nwhere", "pid": 7, "started": 1}))
    (found,) = look()
    assert "held by process 7 on $'else" in found.found and found.remedy.startswith("wait for it")
    refused = project.make("clean-run", check=False)
    assert refused.returncode and Path(RUN, "results.json").exists()
    paste(project, found.remedy)


@pytest.mark.parametrize("text", ["{}", "3", "null", '{"host": 1}', "\xff", ""])
def test_an_owner_that_names_nobody_holds_nothing(look, project, text):
    """The make that comes takes the experiment, and a clean target may remove it."""
    Path(RUN, ".make/owner").write_bytes(text.encode("latin-1"))
    sound(look())
    assert f"would remove {RUN}/: " in paste(project, "make -n clean-run")
    plain = [sys.executable, "-c", "import os, sys; sys.path.insert(0, 'py'); from graph import locks; "]
    plain[-1] += f"locks.take_experiment('{RUN}', os.getpid(), False, print)"
    assert run(plain, project.folder).returncode == 0


def gone(path: str):
    return lambda: Path(path).unlink()


def longer(path: str):
    return lambda: Path(path).open("a").write("x")


def turned(path: str):
    """Other content of the same size."""

    def harm() -> None:
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

    return harm


def says(path: str, text: str):
    return lambda: Path(path).write_text(text)


AGAIN = "make results EXP=default BASELINE_EXP='' RECIPE=seed"
STAMPS = {
    "an output that is missing": (gone(f"{RUN}/results.json"), f"{RUN}/results.json is missing", AGAIN),
    "an output that grew": (longer(f"{RUN}/results.txt"), "results.txt has ", AGAIN),
    "an output with other bytes": (turned(f"{RUN}/synth.llava.json"), "synth.llava.json was changed", AGAIN),
    "a mark that is no JSON": (
        says(f"{RUN}/.make/convert.made", '{"knobs'),
        f"{RUN}/.make/convert.made is damaged",
        f"rm -r {RUN}/.make/convert.made; {AGAIN}",
    ),
    "a mark that says nothing": (
        says(f"{RUN}/.make/convert.made", "[]"),
        f"{RUN}/.make/convert.made is damaged",
        f"rm -r {RUN}/.make/convert.made; {AGAIN}",
    ),
    "sizes that cannot be read": (
        says(f"{RUN}/.make/results.stat", ""),
        f"{RUN}/.make/results.stat is damaged",
        f"rm -r {RUN}/.make/results.stat; {AGAIN}",
    ),
    "a model's file that is missing": (
        gone("models/demo/gemma-2b-it/config.json"),
        "models/demo/gemma-2b-it/config.json is missing",
        "make models",
    ),
    "an image that was cut": (
        says("data/demo/controls/clean.jsonl", "x"),
        "data/demo/controls/clean.jsonl has 1 bytes",
        "make data",
    ),
}


@pytest.mark.parametrize("name", STAMPS)
def test_what_is_not_as_made_is_named_and_made_again(look, project, name):
    harm, words, command = STAMPS[name]
    harm()
    (found,) = look()
    assert found.what == "not as made" and words in found.found and found.remedy == command
    paste(project, found.remedy)


def test_a_damaged_mark_stops_make_by_name(look, project):
    mark = Path(RUN, ".make/results.made")
    before = mark.read_text()
    mark.write_text("{}")
    done = project.make("results", check=False)
    assert done.returncode and f"{mark}: not readable as a mark" in done.stderr
    assert "Traceback" not in done.stderr
    mark.write_text(before)


def test_an_unfinished_experiment_is_named_with_how_to_go_on_or_forget_it(look, project):
    for name in ("half", "other"):
        write(f"runs/demo/{name}/.make/synth.log")
        write(f"runs/demo/{name}/synth.jsonl")
    (found,) = look()
    assert "2 (" in found.found and "runs/demo/half (synth), runs/demo/other (synth)" in found.found
    assert "the command that began it goes on" in found.remedy
    removed = paste(project, found.remedy)
    assert "remove runs/demo/half/" in removed and Path(RUN).exists()


def test_a_folder_that_no_experiment_can_name_is_removed_by_its_path_alone(look, project):
    """`make clean-run EXP='default x'` would forget the experiment `default`."""
    write("runs/demo/default x/.make/synth.log")
    (found,) = look()
    assert "clean-run" not in found.remedy
    paste(project, found.remedy)
    assert Path(RUN, "results.json").exists() and not Path("runs/demo/default x").exists()


def test_files_that_no_rule_makes_are_named_and_the_command_removes_just_them(look, project, record_property):
    strange = [f"{RUN}/notes of mine.txt", f"{RUN}/finetune/extra'; touch pwned; '.bin", f"{RUN}/old/"]
    strange += ["data/demo/seed/images/stray.jpg", "models/demo/gemma-3/", "runs/demo/loose/", f"{RUN}/-rf"]
    strange += [f"{RUN}/two\nlines", f"{RUN}/\udcff"]
    cases(record_property, len(strange))
    paths = [write(path) for path in strange]
    (found,) = look()
    assert found.what == "made by no rule" and found.found.startswith(f"{len(strange)} (")
    paste(project, found.remedy)
    assert not any(os.path.lexists(path) for path in paths) and not Path("pwned").exists()


def test_what_a_real_kill_left_is_mended_by_the_commands_that_are_told(look, project):
    """make and the stage's keeper are killed; what it started goes on alone."""
    build = project.with_knobs(EXP="killed")
    job = build.start("synth")
    work = Path("runs/demo/killed/.synth.work")
    deadline = time.monotonic() + 60
    while not work.exists():
        assert time.monotonic() < deadline and job.poll() is None, Path("make.log").read_text()
        time.sleep(0.01)
    for pid, command in processes_of(build).items():
        if "make_stage.py" in command or command.startswith("make "):
            os.kill(pid, signal.SIGKILL)
    job.wait()
    told = []
    for _ in range(4):
        found = look()
        if found[0].level == "ok":
            break
        told += [finding.what for finding in found]
        paste(project, found[0].remedy)
        wait_for_none(build)
    assert "unfinished" in told  # and "processes", where these did not end before the first look
    Path("make.log").unlink()


def wait_for_none(build: Build) -> None:
    deadline = time.monotonic() + 30
    while processes_of(build) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_the_mark_of_a_whole_checkpoint_is_the_one_that_training_writes():
    text = (Path(__file__).parents[2] / "py/mgm/training/resume.py").read_text()
    assert f'COMPLETE = "{leftovers.COMPLETE}"' in text
