"""Archives: sound ones arrive whole, with plain permissions; hostile and damaged ones are refused by name."""

import gzip
import io
import os
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from errors import BadInput
from fetch.content import Refused
from unpack import survey, unpack

NOISE = bytes(range(256)) * 40


def tar(path: Path, *members: tuple[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            data = content if isinstance(content, bytes) else b""
            info.size = len(data) or info.size
            archive.addfile(info, io.BytesIO(data) if data else None)
    return path


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def of_type(kind: bytes, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def zip_link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def unpacked(archive: Path) -> dict[str, bytes]:
    output = archive.parent / "out"
    unpack(archive, output, survey(archive))
    return {str(p.relative_to(output)): p.read_bytes() for p in sorted(output.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.tar", "x.zip"])
def test_each_kind_of_archive_arrives_without_its_single_top_folder(tmp_path, name):
    if name == "x.zip":
        archive = zipped(tmp_path / name, ("top/a", b"one"), ("top/b/c", NOISE))
    else:
        mode = "w" if name == "x.tar" else "w:gz"
        archive = tar(tmp_path / name, ("top/a", b"one"), ("top/b/c", NOISE), mode=mode)
    assert unpacked(archive) == {"a": b"one", "b/c": NOISE}


def test_two_tops_stay_and_a_leading_dot_is_no_top(tmp_path):
    archive = tar(tmp_path / "x.tar.gz", (".", of_type(tarfile.DIRTYPE)), ("./a/b", b"one"), ("./c", b"two"))
    assert unpacked(archive) == {"a/b": b"one", "c": b"two"}


def test_permissions_are_plain_and_folders_may_stand_twice(tmp_path):
    wild = of_type(tarfile.REGTYPE, mode=0o6777)
    folder = of_type(tarfile.DIRTYPE, mode=0o0)
    archive = tar(tmp_path / "x.tar.gz", ("t", folder), ("t/d", folder), ("t/d", folder), ("t/a", wild))
    unpacked(archive)
    assert stat.S_IMODE((tmp_path / "out/a").stat().st_mode) == 0o644 & ~umask()
    assert stat.S_IMODE((tmp_path / "out/d").stat().st_mode) & 0o700 == 0o700


def umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


A = ("a", b"one")
HOSTILE = {
    "an absolute path": lambda p: tar(p / "x.tar.gz", A, ("/tmp/evil", b"x")),
    "a path through a parent folder": lambda p: tar(p / "x.tar.gz", A, ("b/../../evil", b"x")),
    "is a symbolic link": lambda p: tar(p / "x.tar.gz", A, ("evil", of_type(tarfile.SYMTYPE, "/etc"))),
    "is a hard link": lambda p: tar(p / "x.tar.gz", A, ("evil", of_type(tarfile.LNKTYPE, "a"))),
    "is a fifo": lambda p: tar(p / "x.tar.gz", A, ("evil", of_type(tarfile.FIFOTYPE))),
    "is a device": lambda p: tar(p / "x.tar.gz", A, ("evil", of_type(tarfile.CHRTYPE))),
    "is in it twice": lambda p: tar(p / "x.tar.gz", ("evil", b"x"), ("./evil", b"y")),
    "lies in evil, which is a file": lambda p: tar(p / "x.tar.gz", ("evil", b"x"), ("evil/b", b"y")),
    "is a file where there is a folder already": lambda p: tar(
        p / "x.tar.gz", ("evil/b", b"x"), ("evil", b"y")
    ),
    "control characters": lambda p: tar(p / "x.tar.gz", A, ("evil\nb", b"x")),
    "or a backslash": lambda p: zipped(p / "x.zip", A, ("evil\\b", b"x")),
    "not UTF-8": lambda p: tar(p / "x.tar.gz", A, ("evil\udcff", b"x")),
    "unpacks to over 200 times": lambda p: tar(p / "x.tar.gz", A, ("evil", bytes(2_000_000))),
    "over 1,000 characters": lambda p: tar(p / "x.tar.gz", A, ("evil/" + "a" * 1_000, b"x")),
    "or 50 folders": lambda p: tar(p / "x.tar.gz", A, ("evil/" + "a/" * 50 + "b", b"x")),
}
HOSTILE_ZIPS = {
    "an absolute path": lambda p: zipped(p / "x.zip", A, ("/tmp/evil", b"x")),
    "a path through a parent folder": lambda p: zipped(p / "x.zip", A, ("../evil", b"x")),
    "is a symbolic link": lambda p: zipped(p / "x.zip", A, (zip_link("evil"), b"/etc")),
    "is in it twice": lambda p: zipped(p / "x.zip", ("evil", b"x"), ("evil", b"y")),
    "unpacks to over 200 times": lambda p: zipped(p / "x.zip", A, ("evil", bytes(2_000_000))),
}


@pytest.mark.parametrize(("words", "make"), [*HOSTILE.items(), *HOSTILE_ZIPS.items()])
def test_an_unsafe_member_is_refused_by_name_before_anything_is_written(tmp_path, words, make):
    archive = make(tmp_path)
    with pytest.raises(Refused, match=f"unsafe archive: .*evil.*{words}"):
        unpacked(archive)
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def whole(path: Path) -> bytes:
    return tar(path, ("t/a", os.urandom(20_000)), ("t/b", os.urandom(20_000))).read_bytes()


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def plain(path: Path) -> bytes:
    return tar(path, ("t/a", NOISE), ("t/b", NOISE), mode="w").read_bytes()


def sized(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header that says ``size``."""
    member = tarfile.TarInfo("a")
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def with_attribute(name: str, value: str) -> bytes:
    member = tarfile.TarInfo("a")
    member.pax_headers = {name: value}
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


DAMAGED = {
    "gzip cut": ("x.tar.gz", lambda p: whole(p)[:-50], "cut short or damaged"),
    "gzip without its checksum": ("x.tar.gz", lambda p: whole(p)[:-8], "cut short or damaged"),
    "gzip with a changed byte": ("x.tar.gz", lambda p: flipped(whole(p), 9_000), "cut short or damaged"),
    "tar cut between two members": ("x.tar", lambda p: plain(p)[: 512 + 10_240], "cut short or damaged"),
    "tar cut within a member": ("x.tar", lambda p: plain(p)[:5_000], "cut short or damaged"),
    "tar with a changed header": (
        "x.tar",
        lambda p: flipped(plain(p), 512 + 10_240 + 5),
        "cut short or damaged",
    ),
    "endless zeros": (
        "x.tar.gz",
        lambda p: gzip.compress(plain(p) + bytes(1 << 27), 1),
        "content after its end",
    ),
    "two tars in one": ("x.tar", lambda p: plain(p) + plain(p), "content after its end"),
    "zip cut": ("x.zip", lambda p: zipped(p, A, ("b", NOISE)).read_bytes()[:-30], "cut short or damaged"),
    "a negative size": ("x.tar", lambda p: sized(-1024) + bytes(1024), "a member of -1,024 bytes"),
    "a long name of negative size": (
        "x.tar",
        lambda p: sized(-1024, tarfile.GNUTYPE_LONGNAME) + bytes(1024),
        "a header of -1,024 bytes",
    ),
    "a map of no numbers": (
        "x.tar",
        lambda p: with_attribute("GNU.sparse.map", "a,b"),
        "cut short or damaged",
    ),
    "a web page": ("x.tar.gz", lambda p: b"<!DOCTYPE html><p>log in", "not an archive"),
    "nothing": ("x.tar", lambda p: b"", "not an archive"),
    "no file": (
        "x.tar",
        lambda p: tar(p, ("d", of_type(tarfile.DIRTYPE)), mode="w").read_bytes(),
        "no file in it",
    ),
}


@pytest.mark.parametrize(("name", "make", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_refused(tmp_path, name, make, words):
    (tmp_path / name).write_bytes(make(tmp_path / name))
    with pytest.raises(Refused, match=rf"{name}: .*{words}"):
        unpacked(tmp_path / name)


def test_a_zip_whose_member_has_a_changed_byte_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", NOISE)
    content = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(flipped(content, content.index(NOISE) + 100))
    with pytest.raises(Refused, match=r"damaged \(a is not what was packed"):
        survey(tmp_path / "x.zip")


def test_names_that_fill_memory_are_a_bomb_too(tmp_path):
    deep = "/".join("abcdefghij" * 2 for _ in range(40))
    archive = tar(tmp_path / "x.tar.gz", *[(f"evil{number}/{deep}", b"") for number in range(100)])
    with pytest.raises(Refused, match="unpacks to over 200 times"):
        survey(archive)


def test_a_header_that_would_fill_memory_is_refused(tmp_path):
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1 << 20
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(long_name, io.BytesIO(b"n" * long_name.size))
        archive.addfile(tarfile.TarInfo("a"))
    with pytest.raises(Refused, match="a header of 1,048,576 bytes"):
        unpacked(tmp_path / "x.tar")


def test_a_flood_of_empty_members_is_a_bomb_too(tmp_path, monkeypatch):
    archive = tar(tmp_path / "x.tar.gz", *[(f"evil{number}", b"") for number in range(3_000)])
    assert survey(archive).files == 3_000
    monkeypatch.setattr("fetch.archives.MOST_RATIO", 10)
    with pytest.raises(Refused, match=r"evil.*unpacks to over 10 times"):
        survey(archive)


def test_more_than_the_disk_takes_is_refused_with_both_numbers(tmp_path, monkeypatch):
    archive = tar(tmp_path / "x.tar.gz", ("a", os.urandom(50_000)), ("b", os.urandom(50_000)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=90_000))
    with pytest.raises(BadInput, match=r"need about 106\.5 kB, .* has 90\.0 kB free; free some room"):
        unpacked(archive)
    assert not (tmp_path / "out").exists()
