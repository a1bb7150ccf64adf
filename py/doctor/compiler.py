"""The optimizer that DeepSpeed compiles to keep it on the host: can it be built, and does it run?"""

import sys
from collections.abc import Iterator
from pathlib import Path

from doctor.finding import Finding, error, ok, warning
from doctor.probes import Machine
from doctor.wanted import Wanted

COMPILER = "install g++ (Debian, Ubuntu: build-essential; RHEL, Fedora: gcc-c++), or let CXX name one"
HEADERS = "install Python's headers (Debian, Ubuntu: python3.11-dev; RHEL, Fedora: python3.11-devel)"
INCLUDE = "import sysconfig; print(sysconfig.get_paths()['include'])"


def missing(machine: Machine) -> Iterator[Finding]:
    """What the build needs and is not there."""
    cxx = machine.environ.get("CXX", "c++")
    if machine.which(cxx) is None:
        yield error("compiler", f"{cxx}: no such command", COMPILER)
    python = machine.python or machine.which("python3.11")
    include = Path(machine.run(str(python), "-c", INCLUDE).out.strip()) if python else None
    if include and not (include / "Python.h").exists():
        yield error("Python.h", f"not in {include}", HEADERS)
    if machine.python and not (machine.python.parent / "ninja").exists() and machine.which("ninja") is None:
        yield error("ninja", f"not beside {machine.python}", "rm -r .venv, then make env")


def remedy_for(result: dict) -> str:
    """What to do about a build that failed or a built file that does not run."""
    if result.get("status", 0) < 0:
        return (
            "it was built for another processor: set TORCH_EXTENSIONS_DIR to a folder of this machine alone"
        )
    if "failed to map segment" in result["error"]:
        return "set TORCH_EXTENSIONS_DIR to a folder on a file system without noexec"
    if "memory" in result["error"] or "Killed" in result["error"]:
        return "export MAX_JOBS=1: each compiler takes 2 GB"
    again = f"rm -r {result['folder']}; " if "folder" in result else ""
    return f"{again}{COMPILER}; or DEEPSPEED_CONFIG=configs/zero2.json, where the GPUs hold the optimizer"


def build(machine: Machine) -> Finding:
    """Build the optimizer where the training will look for it, and take a step with it."""
    print("doctor: building DeepSpeed's optimizer, a minute or two at first …", file=sys.stderr, flush=True)
    result = machine.json_of("build_cpu_adam.py", seconds=None)
    if "error" in result:
        return error("optimizer", f"cannot be built: {result['error']}", remedy_for(result))
    if result["difference"] > 1e-5:
        found = f"its step differs from PyTorch's by {result['difference']:.1g}"
        return error("optimizer", found, f"rm -r {result['folder']}, then make doctor again")
    how = "loaded, built earlier," if result["cached"] else "built"
    return ok("optimizer", f"{how} in {result['seconds']:.0f} s, {result['folder']}; a step is right")


def optimizer(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    config = wanted.deepspeed_config
    try:
        offloads = wanted.offloads(machine.folder)
    except (OSError, ValueError) as fault:
        yield error("DeepSpeed", f"{config}: {fault}", "correct DEEPSPEED_CONFIG")
        return
    if not offloads or machine.environ.get("DS_ACCELERATOR") == "cpu":
        yield ok("compiler", f"not needed with {config}{'' if wanted.demo else ' here'}")
        return
    faults = list(missing(machine))
    yield from faults
    if faults:
        return
    cxx = machine.environ.get("CXX", "c++")
    version = machine.run(cxx, "--version")
    yield ok("compiler", f"{(version.out.splitlines() or [cxx])[0]}; nvcc is not needed")
    if machine.python is None:
        yield warning("optimizer", "not built: .venv is not there yet", "make env, then make doctor again")
    elif not wanted.build:
        yield warning("optimizer", "not built (--no-build)", "run without --no-build before a long training")
    else:
        yield build(machine)


CHECKS = (optimizer,)
