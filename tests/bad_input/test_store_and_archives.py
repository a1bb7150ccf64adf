"""A store that is none, and archives that do not hold what they should, each through its shell step."""

import io
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks import require_refusal, run, untouched
from bad_input.conftest import PYTHON
from builds import ROOT

pytestmark = pytest.mark.attack("bad input")


def sqlite(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def cut(path: Path) -> None:
    sqlite(path, "CREATE TABLE t (x)", *["INSERT INTO t VALUES (hex(randomblob(3000)))"] * 9)
    path.write_bytes(path.read_bytes()[:5000])


STORES = [
    ("a text file", lambda path: path.write_text("answers\n" * 99), "the store is damaged", "move it away"),
    ("a zip of nothing", lambda path: path.write_bytes(b"PK\5\6" + b"\0" * 999), "the store is damaged",
     "anew"),
    ("a file that was cut", cut, "the store ", ""),
    ("a store of another version", lambda path: sqlite(path, "PRAGMA user_version = 9"),
     "the store has format 9, this version of the project reads 1", "STORE=, or move this one away"),
    ("a folder", lambda path: path.mkdir(), "the store cannot be used", "a local disk"),
]  # fmt: skip


@pytest.mark.parametrize("spoil, what, remedy", [row[1:] for row in STORES], ids=[row[0] for row in STORES])
def test_a_store_that_is_none_is_named(seed, synth, spoil, what, remedy):
    store = seed.parent / "answers.sqlite"
    spoil(store)
    with untouched(seed.parent / "out"):
        require_refusal(synth(store=store), f"{store}: ", what, remedy)


def test_the_step_that_shows_the_store_names_it_too(tmp_path):
    (tmp_path / "answers.sqlite").write_text("answers\n" * 99)
    show = [str(ROOT / "scripts/store.sh"), "--store", "answers.sqlite"]
    with untouched(tmp_path):
        done = run(show, tmp_path, env={"PYTHON": PYTHON})
        require_refusal(done, "answers.sqlite: the store is damaged", "move it away")


def tar(*names: str, link: str = "") -> bytes:
    """A .tar.gz whose members have these names; ``link``: the last one leads there."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 3
            if link and name == names[-1]:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, link, 0
            archive.addfile(member, io.BytesIO(b"abc"[: member.size]))
    return content.getvalue()


ARCHIVES = [
    ("a web page for an archive", "a.tar.gz", lambda: b"<!DOCTYPE html><html>gone</html>", "a.tar.gz"),
    ("an archive that was cut", "a.tar.gz", lambda: tar("m/a", "m/b")[:60], "a.tar.gz"),
    ("an empty file", "a.tar.gz", lambda: b"", "a.tar.gz"),
    ("a member above the folder", "a.tar.gz", lambda: tar("m/a", "m/../../evil"), "evil"),
    ("a member with an absolute path", "a.tar.gz", lambda: tar("m/a", "/tmp/evil"), "evil"),
    ("a link out of the folder", "a.tar.gz", lambda: tar("m/a", "m/evil", link="/etc/passwd"), "evil"),
    ("a zip that is none", "a.zip", lambda: b"PK\3\4 no more", "a.zip"),
    ("an archive of nothing", "a.tar.gz", lambda: tar(), "a.tar.gz"),
]


def fetch(folder: Path, *sources: str) -> Callable:
    command = [str(ROOT / "scripts/download.sh"), "--output", "got/model", "--knob", "SOURCE.model", *sources]
    return run(command, folder, env={"PYTHON": PYTHON})


@pytest.mark.parametrize("name, content, words", [row[1:] for row in ARCHIVES], ids=[r[0] for r in ARCHIVES])
def test_an_archive_that_cannot_be_used_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content())
    (tmp_path / "got").mkdir()
    (tmp_path / "got/other").write_text("earlier")
    with untouched(tmp_path):
        require_refusal(fetch(tmp_path, str(tmp_path / name)), words)
    assert not (tmp_path / "got/model").exists()


def test_a_sound_archive_is_unpacked(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(tar("m/a", "m/b"))
    assert fetch(tmp_path, str(tmp_path / "a.tar.gz")).returncode == 0
    assert sorted(path.name for path in (tmp_path / "got/model").iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "source", ["./nowhere/model.tar.gz", "ftp://host/model.tar.gz", "file:///etc/passwd"]
)
def test_a_source_that_is_none_is_named(tmp_path, source):
    with untouched(tmp_path):
        require_refusal(fetch(tmp_path, source), source.removeprefix("file://"))
