"""A small copy of the project for tests that run make: the demo's graph over a few dozen images."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forks import Forks

ROOT = Path(__file__).resolve().parents[1]
SIZES = "--seed_records 48 --finetune_records 48 --textvqa_questions 20 --mmbench_questions 20"
KNOBS = {"BASELINE_EXP": "", "RECIPE": "seed", "SAVE_STEPS": "2"}
CANARY = "canary-that-must-not-sing"
TOKENS = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "WANDB_API_KEY", "MY_PASSWORD")
PROXIES = ("HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL")
SECRETS = dict.fromkeys(TOKENS, f"hf_{CANARY}") | dict.fromkeys(PROXIES, f"http://me:{CANARY}@127.0.0.1:9")
"""What the environment of the shared build holds; tests/security looks for it in all that the build wrote."""
NEEDED = ("model_name_or_path", "vision_tower", "vision_tower_aux", "data_path", "image_folder", "output_dir")
TRAINING_FLAGS = [word for name in NEEDED for word in (f"--{name}", "x")]
"""What pretrain.sh and finetune.sh ask for, naming nothing that is there."""
INSTALL = """#!/usr/bin/env bash
# Stands in for the installation, which needs an index: the packages are those of the project under test.
[ -f .venv/.requires.json ] && cat env/requirements.lock > .venv/.installed
"""
OUTPUTS = {
    "standins": "models/demo",
    "world": "data/demo",
    "synth": "runs/demo/default/synth.jsonl",
    "convert": "runs/demo/default/synth.llava.json",
    "pretrain": "runs/demo/default/pretrain",
    "finetune": "runs/demo/default/finetune",
    "textvqa": "runs/demo/default/eval/textvqa",
    "mmbench": "runs/demo/default/eval/mmbench",
    "results": "runs/demo/default/results.json",
}


class Build:
    """A copy of the project that a test may change, and make run in it."""

    def __init__(self, folder: Path, knobs: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.knobs = KNOBS if knobs is None else knobs

    @classmethod
    def new(cls, folder: Path) -> "Build":
        """A fresh copy with nothing built."""
        folder.mkdir(parents=True)
        for name in ("Makefile", "configs", "env", "py", "scripts"):
            put = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            put(ROOT / name, folder / name)
        makefile = folder / "Makefile"
        small = makefile.read_text().replace("make_data.py --output", f"make_data.py {SIZES} --output")
        makefile.write_text(small)
        venv = folder / ".venv"
        venv.mkdir()
        for name in ("bin", "lib", "pyvenv.cfg", ".requires.json"):
            (venv / name).symlink_to(ROOT / ".venv" / name)
        (folder / "scripts/install.sh").write_text(INSTALL)
        return cls(folder)

    def copy(self, folder: Path) -> "Build":
        """Another folder with the same content, marks included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Build(folder, self.knobs)

    def fork_from(self, forks: Forks) -> None:
        """From now on start the scripts that import torch by ``forks``; not for tests that kill them."""
        programs = self.folder / ".venv/bin"
        programs.unlink()
        programs.symlink_to(forks.python.parent)

    def fork_no_more(self) -> None:
        """Start every script itself again."""
        programs = self.folder / ".venv/bin"
        programs.unlink()
        programs.symlink_to(ROOT / ".venv/bin")

    def with_knobs(self, **knobs: str) -> "Build":
        """The same folder under other settings."""
        return Build(self.folder, self.knobs | knobs)

    def command(self, *goals: str, **knobs: str) -> list[str]:
        return ["make", *goals, *(f"{name}={value}" for name, value in (self.knobs | knobs).items())]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return kept | more

    def start(self, *goals: str, **knobs: str) -> subprocess.Popen:
        """Make, in a session of its own that heeds SIGINT, output to ``make.log``."""
        with (self.folder / "make.log").open("w") as log:
            return subprocess.Popen(
                self.command(*goals, **knobs),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self.environment(),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def make(
        self, *goals: str, check: bool = True, env: dict[str, str] | None = None, **knobs: str
    ) -> subprocess.CompletedProcess:
        done = subprocess.run(
            self.command(*goals, **knobs),
            cwd=self.folder,
            text=True,
            capture_output=True,
            timeout=600,
            env=self.environment(**(env or {})),
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done

    def stages(self, *goals: str, env: dict[str, str] | None = None, **knobs: str) -> set[str]:
        """Make, and return the stages that ran."""
        return stages_in(self.make(*goals, env=env, **knobs).stdout)

    def planned(self, **knobs: str) -> list[str]:
        """The lines of ``make plan``."""
        return self.make("plan", **knobs).stdout.splitlines()

    def run(self, name: str = "default") -> Path:
        return self.folder / "runs/demo" / name

    def content(self, name: str = "default") -> dict[str, str]:
        """sha256 of what an experiment made, times aside."""
        run = self.run(name)
        found = {}
        for mark in sorted(run.glob(".make/*.out")):
            if mark.stem != "results":
                found |= {line.split(" ", 2)[2]: line.split(" ")[0] for line in mark.read_text().splitlines()}
        for path, digest in found.items():
            assert hashlib.sha256((run / path).read_bytes()).hexdigest() == digest, path
        return found | {"results.json": without_times(json.loads((run / "results.json").read_text()))}


def without_times(results: dict) -> str:
    for stage in results["training"].values():
        if stage:
            stage["seconds"] = None
    return json.dumps(results, sort_keys=True)


def stages_in(printed: str) -> set[str]:
    """The stages that started, by what make printed."""
    return set(re.findall(r"^\[\S+ (\S+)\] starts$", printed, re.MULTILINE))


def processes_of(build: Build) -> dict[int, str]:
    """Command lines of the processes that run in, or speak of, the project's folder."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if (folder / "cwd").readlink().is_relative_to(build.folder):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def wait_for_start(build: Build, stage: str) -> None:
    """Return when ``stage`` (any, where empty) has started; by then its old mark is gone."""
    deadline = time.monotonic() + 60
    started = re.compile(f" {stage or '[a-z0-9_]+'}] starts")
    while not started.search((build.folder / "make.log").read_text()):
        assert time.monotonic() < deadline, (build.folder / "make.log").read_text()
        time.sleep(0.005)


def seconds_of(build: Build, stage: str, name: str = "default") -> float:
    """What a stage of experiment ``name`` took."""
    folder = Path(OUTPUTS[stage]) if stage in ("standins", "world") else Path(f"runs/demo/{name}")
    return json.loads((build.folder / folder / f".make/{stage}.made").read_text())["seconds"]


def build_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Build:
    """A build that all processes of the tests share: ``make`` puts it into a folder; then it has ``name``.

    Skips where nothing is installed.
    """
    if not (ROOT / ".venv/.requires.json").exists():
        pytest.skip("needs .venv (make env)")
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (base / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / name).exists():
            make(base / f"{name}.making")
            (base / f"{name}.making").rename(base / name)
    return Build(base / name)
