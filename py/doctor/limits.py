"""Limits and settings of the shell that make runs in."""

import os
from collections.abc import Iterator
from pathlib import Path

from doctor.finding import Finding, error, ok, warning
from doctor.probes import Machine
from doctor.resources import in_groups, least
from doctor.wanted import Wanted

INFINITY = float("inf")


def shown(value: float) -> str:
    return "unlimited" if value == INFINITY else f"{value:,.0f}"


def open_files(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    soft, hard = machine.limit("RLIMIT_NOFILE")
    needed = 256 if wanted.demo else 4096
    if soft >= needed:
        yield ok("open files", shown(soft))
        return
    remedy = f"ulimit -n {needed if hard == INFINITY else int(min(hard, 65_536))}"
    if hard < needed:
        remedy = (
            "raise 'nofile' in /etc/security/limits.conf (docker run --ulimit nofile=65536) and log in again"
        )
    yield warning("open files", f"{shown(soft)}; workers that load images need {needed:,}", remedy)


def processes(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Threads count as processes: each of torch's pools has one per core."""
    soft, hard = machine.limit("RLIMIT_NPROC")
    group = least(in_groups(machine, "pids", "pids.max"))
    needed = 256 if wanted.demo else 2048
    if min(soft, group) >= needed:
        yield ok("processes", shown(min(soft, group)))
    elif group < needed:
        remedy = "raise the container's limit (docker run --pids-limit -1)"
        yield warning("processes", f"the container allows {shown(group)}, {needed:,} are wished for", remedy)
    else:
        remedy = f"ulimit -u {needed}" if hard >= needed else "raise 'nproc' in /etc/security/limits.conf"
        yield warning("processes", f"{shown(soft)}, {needed:,} are wished for", remedy)


def address_space(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """CUDA reserves far more addresses than memory; a limit on a file's size cuts checkpoints."""
    for name, what, option, needed in (
        ("RLIMIT_AS", "address space", "-v", 16 * 10**9 if wanted.demo else INFINITY),
        ("RLIMIT_FSIZE", "file size", "-f", 10**9 if wanted.demo else 50 * 10**9),
    ):
        soft, _ = machine.limit(name)
        if soft < needed:
            yield error(what, f"limited to {shown(soft)} bytes", f"ulimit {option} unlimited")
        else:
            yield ok(what, shown(soft))


def locked_memory(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """The driver pins memory past this limit; InfiniBand between hosts does not."""
    soft, _ = machine.limit("RLIMIT_MEMLOCK")
    if wanted.hostfile and soft < INFINITY:
        remedy = (
            "raise 'memlock' to unlimited on each host (docker run --ulimit memlock=-1): InfiniBand needs it"
        )
        yield warning("locked memory", f"{shown(soft)} bytes", remedy)
    else:
        yield ok("locked memory", shown(soft))


def core_files(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    soft, _ = machine.limit("RLIMIT_CORE")
    piped = (machine.text("/proc/sys/kernel/core_pattern") or "").startswith("|")
    if not wanted.demo and soft > 10**9 and not piped:
        found = f"up to {shown(soft)} bytes: a process that crashes writes all its memory to disk"
        yield warning("core files", found, "ulimit -c 0")
    else:
        yield ok("core files", "handled by a program" if piped and soft else shown(soft))


def locale(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    name = next((name for name in names if machine.environ.get(name)), None)
    value = machine.environ[name] if name else "none"
    if "utf8" in value.lower().replace("-", ""):
        yield ok("locale", value)
    elif value in ("none", "C", "POSIX"):
        yield ok("locale", f"{value}: Python takes UTF-8 for it")
    else:
        yield warning("locale", f"{name}={value} is not UTF-8", "export LC_ALL=C.UTF-8")


def umask(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    status = dict(line.split(":", 1) for line in (machine.text("/proc/self/status") or "").splitlines())
    mask = int(status.get("Umask", "022"), 8)
    if mask & 0o700:
        yield error("umask", f"{mask:04o} takes your own rights to the files made", "umask 022")
    elif not mask & 0o002:
        yield warning("umask", f"{mask:04o}: everybody may change what is made here", "umask 022")
    else:
        yield ok("umask", f"{mask:04o}")


def python_variables(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Variables that put other modules before those of .venv, or take its checks away."""
    there = [name for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONOPTIMIZE") if machine.environ.get(name)]
    if there:
        found = ", ".join(f"{name}={machine.environ[name]}" for name in there)
        yield warning("python variables", found, f"unset {' '.join(there)}")
    else:
        yield ok("python variables", "none that change what .venv imports")


def home(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Caches lie under HOME: packages, compiled optimizers, hub files."""
    value = machine.environ.get("HOME", "")
    cache = Path(machine.environ.get("XDG_CACHE_HOME") or Path(value or "/nowhere", ".cache"))
    there = cache if cache.exists() else cache.parent
    if value and there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yield ok("home", f"{value}, cache in {cache}")
    else:
        level = warning if wanted.demo and machine.python else error
        found = (
            f"HOME={value or '(not set)'}: no cache can be made in {cache}" if value else "HOME is not set"
        )
        yield level("home", found, "export HOME=/a/folder/that/you/may/write")


CHECKS = (open_files, processes, address_space, locked_memory, core_files)
CHECKS += (locale, umask, python_variables, home)
