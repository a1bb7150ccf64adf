"""Room, files, kind and rights of the file systems that the profile writes to."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from doctor.finding import Finding, error, ok, warning
from doctor.needs import needed_bytes, needed_files
from doctor.probes import Machine
from doctor.wanted import Wanted
from fetch.room import existing

GB = 10**9
REMOTE = ("nfs", "cifs", "smb", "9p", "lustre", "gpfs", "beegfs", "ceph", "glusterfs")
REMOTE += ("fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.juicefs", "fuse.ceph", "fuse.glusterfs")
FREE_IT = "free some (make du shows what takes room), or put the folder on a larger disk by a link"


@dataclass
class Volume:
    """A file system, and what will be written to it."""

    path: Path
    bytes: int = 0
    largest: int = 0  # download: its archive lies beside what is unpacked from it
    files: int = 0
    users: list[str] = field(default_factory=list)


def folders(machine: Machine, wanted: Wanted) -> dict[str, Path]:
    """Knob or folder → where it lies."""
    named = {"models": wanted.models, "data": wanted.data, "runs": wanted.runs, ".venv": ".venv"}
    named["STORE"] = str(Path(wanted.store).parent)
    named["TMPDIR"] = machine.environ.get("TMPDIR") or "/tmp"
    return {name: machine.folder / path for name, path in named.items()}


def to_come(machine: Machine, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """(folder, what) of everything that is still to be written there."""
    if machine.python is None:
        yield ".venv", "env"
    for name in (source.partition("=")[0] for source in wanted.source):
        mark = wanted.mark(name)
        if not (machine.folder / mark).exists():
            yield "data" if mark.is_relative_to(wanted.data) else "models", name
    yield from (("runs", "run"), ("STORE", "store"), ("TMPDIR", "tmp"))


def volumes(machine: Machine, wanted: Wanted) -> list[Volume]:
    """Each file system once, with the needs of all folders on it."""
    found: dict[int, Volume] = {}
    places = {name: existing(path) for name, path in folders(machine, wanted).items()}
    for name, what in to_come(machine, wanted):
        volume = found.setdefault(machine.device(places[name]), Volume(places[name]))
        size = needed_bytes(wanted.profile, what)
        volume.bytes += size
        if name in ("models", "data"):
            volume.largest = max(volume.largest, size)
        volume.files += needed_files(wanted.profile, what)
        volume.users += [] if name in volume.users else [name]
    return list(found.values())


def mounted(machine: Machine, path: Path) -> tuple[str, str, str]:
    """Mount point, kind and options of the file system that ``path`` lies on."""
    path, best = existing(path).resolve(), ("", "unknown", "")
    for line in (machine.text("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        point, options = left.split()[4].replace("\\040", " "), left.split()[5]
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, right.split()[0], options)
    return best


def room(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Free space and free inodes; file systems that make inodes as they go report none at all."""
    for volume in volumes(machine, wanted):
        space = machine.space(volume.path)
        free = space.f_bavail * space.f_frsize
        point, kind, _ = mounted(machine, volume.path)
        needed = volume.bytes + volume.largest
        where, users = f"{point or volume.path} ({kind})", ", ".join(volume.users)
        text = f"{where}: {free / GB:.1f} GB free, about {needed / GB:.1f} GB to come ({users})"
        yield error("disk", text, FREE_IT) if free < needed else ok("disk", text)
        if space.f_files and space.f_favail < volume.files:
            found = f"{where}: room for {space.f_favail:,} more files, about {volume.files:,} to come"
            yield error("disk", found, "use a file system with more inodes (mkfs -i), or delete small files")


def kinds(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    for name, path in folders(machine, wanted).items():
        _, kind, options = mounted(machine, path)
        what, sound = f"{name} lies on", True
        if name == "STORE" and kind.startswith(REMOTE):
            sound = False
            remedy = "STORE=/a/folder/on/a/local/disk/store.sqlite"
            yield error(what, f"{kind}: SQLite's write-ahead log needs a local disk", remedy)
        if "noexec" in options.split(",") and name in (".venv", "TMPDIR"):
            sound = False
            level, remedy = warning, "export TMPDIR=/a/folder/without/noexec: packages are built there"
            if name == ".venv":
                level, remedy = error, "move the project to a file system without noexec"
            yield level(what, f"{kind}, mounted noexec", remedy)
        if not wanted.demo and kind in ("overlay", "tmpfs") and name in ("models", "data", "runs"):
            sound = False
            lost = "with the container" if kind == "overlay" else "with the next start"
            yield warning(what, f"{kind}: what is made here is lost {lost}", "mount a disk there")
        if sound and name == "STORE":
            yield ok(what, kind)


def rights(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """A file is written and locked in each folder, as the stages will do, and removed."""
    faults = False
    for name, path in folders(machine, wanted).items():
        there = existing(path)
        try:
            with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor.") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            faults = True
            remedy = f"make {there} yours to write to, with locks, or link {name} to a folder that is"
            yield error(f"rights {name}", f"{there}: {fault.strerror or fault}", remedy)
    if not faults:
        yield ok("rights", "all folders can be written to, and files in them locked")


CHECKS = (room, kinds, rights)
