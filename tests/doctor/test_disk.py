"""Room, inodes, kinds and rights of file systems."""

import os
from pathlib import Path

import pytest

from doctor import disk
from doctor.needs import needed_bytes
from doctor.wanted import Wanted

GB = 10**9
SOURCES = ("gemma-2b-it=a/b", "seed_set=http://x/y.tar.gz http://x/z.json")


def test_room_is_what_is_still_to_come(machine, about):
    """77 GB of checkpoints, 7 of .venv, 5 of model and these twice: 96 in all."""
    machine.free(92 * GB)
    assert about(disk.room, source=SOURCES).level == "error"
    machine.free(98 * GB)
    assert about(disk.room, source=SOURCES).level == "ok"
    machine.free(82 * GB)
    machine.install()
    assert about(disk.room, source=SOURCES).level == "error"
    for mark in ("models/.make/gemma-2b-it.made", "data/.make/seed_set.made"):
        Path(machine.folder, mark).parent.mkdir(parents=True)
        Path(machine.folder, mark).touch()
    found = about(disk.room, source=SOURCES)
    assert found.level == "ok" and "78.1 GB to come" in found.found


def test_the_demo_needs_little(machine, about):
    machine.install()
    machine.free(2 * GB)
    assert about(disk.room, profile="demo", source=("standins=", "world=")).level == "ok"
    machine.free(GB)
    assert about(disk.room, profile="demo", source=("standins=", "world=")).level == "error"


def test_needs_are_added_up_for_each_file_system(machine):
    machine.device = lambda path: 2 if path.name == "tmp" else 1
    wanted = Wanted("full", source=("seed_set=x",))
    small, large = sorted(disk.volumes(machine, wanted), key=lambda volume: volume.bytes)
    assert small.users == ["TMPDIR"] and small.bytes == needed_bytes("full", "tmp")
    assert large.users == [".venv", "data", "runs", "STORE"] and large.files > 400_000


def test_files_need_inodes_where_the_file_system_counts_them(machine, about):
    machine.free(900 * GB, files=300_000)
    found = list(disk.room(machine, Wanted("full", source=("seed_set=x",))))
    assert [finding.level for finding in found] == ["ok", "error"] and "300,000 more files" in found[1].found
    machine.free(900 * GB, files=0)
    assert about(disk.room, profile="full", source=("seed_set=x",)).level == "ok"


def mounts(machine, **kinds):
    """Mount lines: the root, and each of the project's folders with its kind and options."""
    lines = ["25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"]
    for name, kind in kinds.items():
        folder = machine.folder / {"venv": ".venv"}.get(name, name)
        folder.mkdir(exist_ok=True)
        kind, _, options = kind.partition(" ")
        lines.append(f"30 25 0:40 / {folder.resolve()} rw,{options} - {kind} source rw")
    machine.write("/proc/self/mountinfo", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("kinds", "what", "level", "words"),
    [
        ({}, "STORE lies on", "ok", "ext4"),
        ({"data": "nfs4"}, "STORE lies on", "error", "STORE=/a/folder"),
        ({"data": "fuse.fuse-overlayfs"}, "STORE lies on", "ok", "fuse-overlayfs"),
        ({"venv": "ext4 noexec"}, ".venv lies on", "error", "without noexec"),
        ({"models": "overlay"}, "models lies on", "warning", "lost with the container"),
        ({"runs": "tmpfs"}, "runs lies on", "warning", "lost with the next start"),
    ],
)
def test_file_systems_that_do_not_serve_are_named(machine, about, kinds, what, level, words):
    mounts(machine, **kinds)
    found = about(disk.kinds, what)
    assert found.level == level and words in found.line()


def test_the_kind_is_that_of_the_folder_behind_a_link(machine, tmp_path, about):
    (tmp_path / "far").mkdir()
    (machine.folder / "data").symlink_to(tmp_path / "far")
    line = f"30 25 0:40 / {(tmp_path / 'far').resolve()} rw - nfs server:/ rw\n"
    machine.write("/proc/self/mountinfo", "25 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n" + line)
    assert about(disk.kinds, "STORE lies on").level == "error"


def test_a_folder_that_cannot_be_written_to_is_named(machine, about, monkeypatch):
    assert about(disk.rights).level == "ok"
    machine.environ["TMPDIR"] = "/proc"  # not even root makes files there
    found = about(disk.rights)
    assert found.what == "rights TMPDIR" and found.level == "error"


def test_a_file_system_without_locks_is_named(machine, about, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(disk.fcntl, "flock", refuse)
    found = about(disk.rights, "rights runs")
    assert found.level == "error" and "No locks available" in found.found


def test_nothing_is_left_behind(machine, about):
    about(disk.rights)
    assert not [name for _, _, files in os.walk(machine.folder) for name in files if "doctor" in name]
