"""The compiled optimizer: what is missing is named with its package, a failing build with its error."""

import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from doctor import build_cpu_adam, compiler
from doctor.probes import Machine
from doctor.wanted import Wanted

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"seconds": 44.6, "cached": False, "folder": "/cache/cpu_adam", "difference": 6e-8}


@pytest.fixture
def ready(machine, tmp_path):
    """A function that gives the machine compiler, headers, ninja, and a build that ends with ``result``."""

    def put(result=GOOD, signal=None):
        machine.program("c++", "echo 'c++ (Debian 12.2.0-14) 12.2.0'")
        machine.program("ninja", "exit 0")
        include = tmp_path / "include"
        include.mkdir()
        (include / "Python.h").touch()
        last = f"kill -{signal} $$" if signal else f"echo '{json.dumps(result)}'"
        machine.install(f"case $* in *sysconfig*) echo {include};; *build_cpu_adam*) {last};; esac")
        return include

    return put


def test_a_configuration_that_cannot_be_read_is_an_error(machine, about):
    for name, text in (("none.json", None), ("broken.json", "{")):
        if text:
            (machine.folder / name).write_text(text)
        found = about(compiler.optimizer, deepspeed_config=name)
        assert found.level == "error" and name in found.found and "DEEPSPEED_CONFIG" in found.remedy


def test_without_offloading_nothing_is_compiled(machine, about):
    assert about(compiler.optimizer, deepspeed_config="plain.json").level == "ok"
    assert about(compiler.optimizer, deepspeed_config="none").level == "ok"
    assert about(compiler.optimizer, "compiler").level == "error", "no compiler on this PATH"
    machine.environ["DS_ACCELERATOR"] = "cpu"
    assert about(compiler.optimizer).level == "ok", "the training keeps all on the CPU by itself"


def test_a_missing_compiler_is_named_with_its_package(machine, ready, about):
    ready()
    assert about(compiler.optimizer, "compiler").level == "ok"
    (machine.bin / "c++").unlink()
    found = about(compiler.optimizer, "compiler")
    assert found.level == "error" and "install g++ (Debian, Ubuntu: build-essential" in found.remedy
    machine.program("clang++", "echo clang version 17.0.0")
    machine.environ["CXX"] = "clang++"
    assert about(compiler.optimizer, "compiler").level == "ok"


def test_missing_headers_and_ninja_are_named(machine, ready, about):
    include = ready()
    (include / "Python.h").unlink()
    (machine.bin / "ninja").unlink()
    assert "python3.11-dev" in about(compiler.optimizer, "Python.h").remedy
    assert about(compiler.optimizer, "ninja").remedy == "rm -r .venv, then make env"


@pytest.mark.parametrize(
    ("result", "level", "words"),
    [
        (GOOD, "ok", "built in 45 s, /cache/cpu_adam"),
        (GOOD | {"cached": True, "seconds": 2.2}, "ok", "loaded, built earlier, in 2 s"),
        (GOOD | {"difference": 0.5}, "error", "differs from PyTorch's by 0.5"),
        (
            {"error": "x.cpp:3: fatal error: omp.h", "folder": "/f"},
            "error",
            "fatal error: omp.h → rm -r /f; install g++",
        ),
        ({"error": "c++: fatal error: Killed signal", "folder": "/f"}, "error", "export MAX_JOBS=1"),
        ({"error": "x.so: failed to map segment", "folder": "/f"}, "error", "without noexec"),
    ],
)
def test_how_the_build_went_is_said(ready, about, result, level, words):
    ready(result)
    found = about(compiler.optimizer, "optimizer")
    assert found.level == level and words in found.line()


def test_code_for_another_processor_is_told_from_a_failed_build(ready, about):
    ready(signal="ILL")
    found = about(compiler.optimizer, "optimizer")
    assert "SIGILL" in found.found and "TORCH_EXTENSIONS_DIR" in found.remedy


def test_what_is_not_built_is_said(machine, ready, about):
    ready()
    assert "--no-build" in about(compiler.optimizer, "optimizer", build=False).found
    (machine.folder / ".venv/.installed").unlink()
    machine.program("python3.11", f"echo {machine.bin.parent / 'include'}")
    assert about(compiler.optimizer, "optimizer").level == "warning"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Error building extension 'cpu_adam': [1/3] c++ -Werror=x -c a.cpp\nFAILED: a.o\nc++ -c a.cpp\n"
            "In file included from a.cpp:1:\na.h:7:10: fatal error: omp.h: No such file\nb.h: error: later\n",
            "a.h:7:10: fatal error: omp.h: No such file",
        ),
        (
            "/usr/bin/ld: cannot find -lgomp\ncollect2: error: ld returned 1\n",
            "/usr/bin/ld: cannot find -lgomp",
        ),
        ("Ninja is required\nto load\n", "to load"),
        ("", "no message"),
    ],
)
def test_the_first_error_line_is_found(text, line):
    assert build_cpu_adam.first_fault(text) == line


@pytest.fixture
def real(tmp_path):
    """This machine under the .venv that runs the tests, with a folder of its own for what is built."""
    if not (ROOT / ".venv/.installed").exists():
        pytest.skip("needs .venv (make env)")
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = os.environ | {"PATH": path, "TORCH_EXTENSIONS_DIR": str(tmp_path), "DS_ACCELERATOR": "cpu"}
    return Machine(ROOT, environ)


def put_compiler(folder, body):
    """A `c++` in ``folder``, a shell script."""
    (folder / "c++").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "c++").chmod(0o755)


def test_deepspeeds_own_build_fails_with_the_compilers_first_line(real, tmp_path):
    line = "cpu_adam.h:9:10: fatal error: omp.h: No such file or directory"
    put_compiler(
        tmp_path, f"case $* in *' -c '*) echo '{line}' >&2; exit 1;; *) echo 'c++ (Debian) 12.2.0';; esac"
    )
    found = compiler.build(real)
    assert found.level == "error" and line in found.found


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("c++") or not Path(sysconfig.get_paths()["include"], "Python.h").exists(),
    reason="needs a C++ compiler and Python's headers",
)
def test_the_optimizer_is_built_once_and_takes_a_right_step(real, tmp_path):
    put_compiler(tmp_path, f'exec {shutil.which("c++")} "$@" -O0 -g0  # in half the time')
    real.environ.pop("DS_ACCELERATOR")
    found = [list(compiler.optimizer(real, Wanted("10k"))) for _ in range(2)]
    first, second = (findings[-1] for findings in found)
    assert first.level == "ok" and first.found.startswith("built in"), first
    assert second.level == "ok" and second.found.startswith("loaded, built earlier"), second
