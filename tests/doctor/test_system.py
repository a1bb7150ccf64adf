"""Operating system, C library, Python, programs: named with what to install if missing or old."""

import os
import shutil

import pytest

from doctor import system

LACKING = "case $1 in -V) echo Python 3.11.7;; *) echo "
VENV_PYTHON = "case $1 in -V) echo Python 3.11.7;; *) exit 0;; esac"


@pytest.mark.parametrize(
    ("kernel", "architecture", "level"),
    [("Linux", "x86_64", "ok"), ("Linux", "aarch64", "error"), ("Darwin", "x86_64", "error")],
)
def test_the_lock_file_is_for_linux_on_x86_64_alone(machine, about, kernel, architecture, level):
    machine.system = lambda: (kernel, architecture)
    assert about(system.operating_system).level == level


@pytest.mark.parametrize(
    ("libc", "level"), [("glibc 2.28", "ok"), ("glibc 2.9", "error"), ("glibc 2.27", "error"), ("", "error")]
)
def test_the_c_library_must_be_one_that_the_packages_are_built_for(machine, about, libc, level):
    machine.libc = lambda: libc
    assert about(system.c_library).level == level


@pytest.mark.parametrize(
    ("programs", "level", "words"),
    [
        ({"python3.11": VENV_PYTHON}, "ok", "Python 3.11.7"),
        ({"python3": VENV_PYTHON}, "ok", "Python 3.11.7"),
        ({}, "error", "install python3.11 and python3.11-venv"),
        ({"python3": "echo Python 3.12.3"}, "error", "3.12.3; Python 3.11 is needed"),
        (
            {"python3.11": LACKING + "No module named ensurepip >&2; exit 1;; esac"},
            "error",
            "install python3.11-venv",
        ),
        (
            {"python3.11": LACKING + "No module named _sqlite3 >&2; exit 1;; esac"},
            "error",
            "No module named _sqlite3",
        ),
    ],
)
def test_python_is_3_11_with_venv_and_its_usual_libraries(machine, about, programs, level, words):
    for name, body in programs.items():
        machine.program(name, body)
    found = about(system.python)
    assert found.level == level and words in found.line()


def test_a_venv_whose_python_is_gone_is_to_be_made_again(machine, about):
    machine.install(VENV_PYTHON)
    assert about(system.python).level == "ok"
    (machine.bin / "python-of-venv").unlink()
    assert "rm -r .venv" in about(system.python).remedy


@pytest.mark.parametrize(
    ("body", "level", "words"),
    [
        (None, "warning", "make env"),
        ("""echo 'a line of a library'; echo '{"torch": "2.14.1"}'""", "ok", "torch 2.14.1"),
        ("echo 'ImportError: libgomp.so.1' >&2; exit 1", "error", "ImportError: libgomp.so.1"),
        ("kill -SEGV $$", "error", "ended by SIGSEGV"),
    ],
)
def test_what_is_installed_must_be_importable(machine, about, body, level, words):
    if body:
        machine.install(body)
    found = about(system.environment)
    assert found.level == level and words in found.line()


@pytest.mark.parametrize(
    ("make", "bash", "wrong"),
    [
        ("GNU Make 4.2.1", "GNU bash, version 4.4.20(1)-release", []),
        ("GNU Make 3.81", "GNU bash, version 5.2.15", ["make"]),
        ("bmake 20230101", "GNU bash, version 5.2.15", ["make"]),
        ("GNU Make 4.10", "GNU bash, version 3.2.57", ["bash"]),
        (None, None, ["make", "bash"]),
    ],
)
def test_old_makes_and_shells_are_named(machine, about, make, bash, wrong):
    for name, text in (("make", make), ("bash", bash)):
        if text:
            machine.program(name, f"echo '{text}'")
    for name in ("make", "bash"):
        assert about(system.make_and_bash, name).level == ("error" if name in wrong else "ok")


def test_missing_programs_are_named_with_their_packages(machine, about):
    for name in system.TOOLS:
        (machine.bin / name).symlink_to(shutil.which("true"))
    assert about(system.programs).level == "ok" and "git is not" in about(system.programs).found
    (machine.bin / "flock").unlink()
    (machine.bin / "tee").unlink()
    found = about(system.programs)
    assert found.level == "error" and "flock, tee" in found.found
    assert found.remedy == "install coreutils util-linux"


def test_a_clock_before_the_projects_own_files_is_wrong(machine, about):
    lock = machine.folder / "env/requirements.lock"
    lock.touch()
    machine.now = lambda: 1_790_000_000.0
    os.utime(lock, (1_780_000_000, 1_780_000_000))
    assert about(system.clock).level == "ok"
    os.utime(lock, (1_799_000_000, 1_799_000_000))
    assert about(system.clock).level == "error"
    lock.unlink()
    machine.now = lambda: 0.0
    assert "1970-01-01" in about(system.clock).found and about(system.clock).level == "error"
