"""Members of an archive (.tar.gz, .tgz, .tar, .zip), in order: only plain files and folders are sound."""

import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from errors import BadInput
from fetch.content import ASIDE, Refused, looks_like_page

FILE, FOLDER = "a file", "a folder"
MOST_RATIO = 200
FREE_OF_RATIO = 1_000_000  # bytes; a few zeros are no bomb
MOST_PADDING = 1 << 26  # bytes of zeros after the last member
LONGEST_HEADER = 1 << 16  # bytes of a long name or of extended attributes, which are read into memory
LONGEST_NAME, DEEPEST = 1_000, 50  # characters, folders; all are held in memory until the end
LONGEST_PART = 255  # bytes, which Linux's file systems take
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
TAR_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a fifo",
}
HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
ZIP_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
}


class Entry(NamedTuple):
    """A member as the archive has it, not yet checked."""

    name: str
    kind: str
    size: int
    opened: Callable[[], IO[bytes]]


class Damaged(Exception):
    """Not what was packed: cut short, or bytes changed."""


BROKEN = (
    Damaged,
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # an encrypted zip, a compression that zipfile lacks, headers nested without end
    ValueError,  # with the next: what tarfile and zipfile come to with numbers that are none
    LookupError,
    OverflowError,
)


class Member(tarfile.TarInfo):
    """A tar header that is wrong is an error; tarfile itself takes most for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise Damaged(str(error)) from error

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and not 0 <= self.size <= LONGEST_HEADER:
            raise Damaged(f"a header of {self.size:,} bytes")
        return super()._proc_member(tar)


def entries(archive: Path) -> Iterator[Entry]:
    """The members, in order. All is read by the end; raises `Refused` for what is damaged or no archive."""
    with archive.open("rb") as file:
        start = file.read(64)
    with faults_named(archive):
        if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from zip_entries(archive)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.open(archive) as stream:
                yield from tar_entries(stream)
        elif archive.suffix == ".tar" and start and not looks_like_page(start):
            with archive.open("rb") as stream:
                yield from tar_entries(stream)
        else:
            raise Refused(f"{archive}: not an archive but something else, {ASIDE}")


@contextmanager
def faults_named(archive: Path) -> Iterator[None]:
    """Name the archive in each error about its content; errors about the disk pass."""
    try:
        yield
    except BadInput:
        raise
    except BROKEN as error:
        raise Refused(f"{archive}: the archive is cut short or damaged ({error}); fetch it again") from error


def tar_entries(stream: IO[bytes]) -> Iterator[Entry]:
    with tarfile.open(
        fileobj=stream, mode="r:", tarinfo=Member, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        while (member := tar.next()) is not None:
            if member.size < 0:
                raise Damaged(f"a member of {member.size:,} bytes")  # the next one would lie before it
            plain = FILE if member.isreg() and not member.issparse() else "of a kind that is not unpacked"
            kind = FOLDER if member.isdir() else TAR_KINDS.get(member.type, plain)
            yield Entry(member.name, kind, member.size, lambda member=member: tar.extractfile(member))
            tar.members.clear()  # 400,000 of them would fill memory
        padding = 0
        while rest := stream.read(1 << 20):  # to the end: the checksum of the whole stands there
            padding += len(rest)
            if rest.strip(b"\0") or padding > MOST_PADDING:
                raise Damaged("content after its end")


def zip_entries(archive: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            if member.header_offset < 0:
                raise Damaged(f"a member at {member.header_offset:,}")
            mode = stat.S_IFMT(member.external_attr >> 16)
            kind = FOLDER if member.is_dir() else ZIP_KINDS.get(mode, FILE)
            utf8 = member.flag_bits & 0x800 or member.orig_filename.isascii()
            name = member.orig_filename if utf8 else member.orig_filename + "\udc80"
            yield Entry(name, kind, member.file_size, lambda member=member: file.open(member))
        if (changed := file.testzip()) is not None:  # found before the archive's own sum is recorded
            raise Damaged(f"{shown(changed)} is not what was packed")


def checked(archive: Path) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """(path, member) of each sound member, in order; raises `Refused` naming the first that is not."""
    kinds: dict[str, str] = {}
    total, most = 0, max(MOST_RATIO * archive.stat().st_size, FREE_OF_RATIO)
    for entry in entries(archive):
        # Its header and its folders' names too: names alone can be a bomb.
        total += entry.size + tarfile.BLOCKSIZE + len(entry.name) * entry.name.count("/")
        fault = name_fault(entry) or place_fault(entry, kinds)
        if fault is None and total > most:
            fault = f"unpacks to over {MOST_RATIO} times the size of the archive"
        if fault is not None:
            raise Refused(
                f"{archive}: unsafe archive: {shown(entry.name)}: {fault}; get it from another source"
            )
        path = parts_of(entry.name)
        if path:
            yield path, entry


def shown(name: str) -> str:
    """``name`` for a message, whatever is in it and however long."""
    name = name if len(name) <= 200 else name[:200] + "…"
    return name if name.isprintable() else ascii(name)


def parts_of(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", "."))


def name_fault(entry: Entry) -> str | None:
    """Why the member may not be unpacked, as far as its kind and name say."""
    if entry.kind not in (FILE, FOLDER):
        return f"is {entry.kind}"
    if SURROGATES.search(entry.name):
        return "a name that is not UTF-8"
    if len(entry.name) > LONGEST_NAME or entry.name.count("/") > DEEPEST:
        return f"a name of over {LONGEST_NAME:,} characters or {DEEPEST} folders"
    if any(len(part.encode()) > LONGEST_PART for part in entry.name.split("/")):
        return f"a file's or folder's name of over {LONGEST_PART} bytes"
    if CONTROLS.search(entry.name):
        return "a name with control characters or a backslash"
    if entry.name.startswith("/"):
        return "an absolute path"
    if ".." in entry.name.split("/"):
        return "a path through a parent folder"
    return "a file without a name" if entry.kind == FILE and not parts_of(entry.name) else None


def place_fault(entry: Entry, kinds: dict[str, str]) -> str | None:
    """Why there is no place for the member beside those before it, which ``kinds`` holds; adds it there."""
    parts = parts_of(entry.name)
    before = kinds.get(path := "/".join(parts))
    if before == entry.kind == FILE:
        return "is in it twice"
    if before not in (None, entry.kind):
        return f"is {entry.kind} where there is {before} already"
    kinds[path] = entry.kind
    for length in range(len(parts) - 1, 0, -1):
        above = "/".join(parts[:length])
        if kinds.setdefault(above, FOLDER) == FILE:
            return f"lies in {shown(above)}, which is a file"
    return None
