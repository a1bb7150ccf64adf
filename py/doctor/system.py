"""Operating system, C library, Python, and the programs that the graph calls."""

import re
import time
from collections.abc import Iterator

from doctor.finding import Finding, error, ok, warning
from doctor.probes import Machine
from doctor.wanted import Wanted

GLIBC = (2, 28)  # torch's wheels are manylinux_2_28
TOOLS = ("awk", "flock", "grep", "head", "mktemp", "od", "sed", "sha256sum", "tail", "tee", "tr")
PACKAGE = {"awk": "gawk", "flock": "util-linux", "grep": "grep", "sed": "sed"}
MODULES = "bz2, ctypes, lzma, sqlite3, ssl, zlib"


def version_of(text: str) -> tuple[int, ...]:
    """The first ``1.2`` or ``1.2.3`` in ``text``; empty if there is none."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def operating_system(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    kernel, architecture = machine.system()
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', machine.text("/etc/os-release") or "", re.MULTILINE)
    if (kernel, architecture) == ("Linux", "x86_64"):
        yield ok("system", f"Linux on x86-64, {release[1] if release else 'an unnamed distribution'}")
    else:
        remedy = "use Linux on x86-64 (a container or a virtual machine): the lock file is for that alone"
        yield error("system", f"{kernel} on {architecture}", remedy)


def c_library(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    name = machine.libc()
    if not name.startswith("glibc"):
        remedy = "use a distribution with glibc (not Alpine): there are no packages of torch for others"
        yield error("C library", name or "not glibc", remedy)
    elif version_of(name) < GLIBC:
        remedy = "use a newer distribution (Debian 10, Ubuntu 20.04, RHEL 8 or later)"
        yield error("C library", f"{name}; the packages need 2.28", remedy)
    else:
        yield ok("C library", name)


def python(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """As scripts/install.sh chooses it: that of .venv, else python3.11, else python3."""
    own = machine.folder / ".venv/bin/python"
    if own.is_symlink() and not own.exists():
        yield error("python", f".venv was made from {own.readlink()}, which is gone", "rm -r .venv; make env")
        return
    name = str(own) if own.exists() else machine.which("python3.11") or machine.which("python3")
    if name is None:
        yield error("python", "python3 is missing", "install python3.11 and python3.11-venv")
        return
    version = machine.run(name, "-V")
    if version_of(version.out)[:2] != (3, 11):
        remedy = "install python3.11 and python3.11-venv" + ("; then rm -r .venv" if own.exists() else "")
        yield error("python", f"{name}: {version.said()}; Python 3.11 is needed", remedy)
        return
    done = machine.run(name, "-c", f"import {MODULES}{'' if own.exists() else ', ensurepip, venv'}")
    if done.status == 0:
        yield ok("python", f"{version.out.strip()}, {name}")
    elif "ensurepip" in done.said() or "venv" in done.said():
        yield error("python", f"{name}: {done.said()}", "install python3.11-venv")
    else:
        remedy = "use the distribution's python3.11, or build yours again with that library's headers there"
        yield error("python", f"{name}: {done.said()}", remedy)


def environment(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Whether the locked packages are there, and torch can be imported."""
    if machine.python is None:
        remedy = "make env, then make doctor again (the other targets install by themselves)"
        found = "not there, or half installed: torch, its GPUs and the compiled optimizer are not checked"
        yield warning(".venv", found, remedy)
    elif "error" in machine.torch:
        remedy = "rm -r .venv; make env; if that does not help: .venv/bin/python -c 'import torch'"
        yield error(".venv", f"torch cannot be imported: {machine.torch['error']}", remedy)
    else:
        yield ok(".venv", f"installed, torch {machine.torch['torch']}")


def make_and_bash(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    for name, least in (("make", (4, 2)), ("bash", (4, 4))):
        done = machine.run(name, "--version")
        first = done.out.splitlines()[0] if done.out else ""
        if done.status or (name == "make" and "GNU" not in first):
            yield error(name, f"{first or done.said()}", f"install GNU {name}, and put it first on PATH")
        elif version_of(first) < least:
            needed = ".".join(map(str, least))
            yield error(name, f"{first}; {needed} or newer is needed", f"install a newer {name}")
        else:
            yield ok(name, ".".join(map(str, version_of(first))))


def programs(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    missing = [name for name in TOOLS if machine.which(name) is None]
    if missing:
        packages = sorted({PACKAGE.get(name, "coreutils") for name in missing})
        yield error("programs", f"missing: {', '.join(missing)}", f"install {' '.join(packages)}")
    else:
        git = machine.run("git", "--version")
        version = ".".join(map(str, version_of(git.out)))
        yield ok("programs", f"all there; git {version if git.status == 0 else 'is not, and need not be'}")


def clock(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    now, lock = machine.now(), machine.folder / "env/requirements.lock"
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if time.gmtime(now).tm_year < 2024 or (lock.exists() and now < lock.stat().st_mtime - 86_400):
        remedy = "set the clock (timedatectl set-ntp true): certificates of servers are refused otherwise"
        yield error("clock", f"{shown}, which is before the project's own files", remedy)
    else:
        yield ok("clock", shown)


CHECKS = (operating_system, c_library, python, environment, make_and_bash, programs, clock)
