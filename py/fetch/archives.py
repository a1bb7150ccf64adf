"""Members of an archive (.tar.gz, .tgz, .tar, .zip), in order: only plain files and folders are sound."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import BadInput
from fetch.content import ASIDE, Refused, looks_like_page
from fetch.members import FILE, FOLDER, Damaged, Entry, name_fault, parts_of, place_fault, shown
from fetch.tar_members import tar_entries

MOST_RATIO = 200
FREE_OF_RATIO = 1_000_000  # bytes; a few zeros are no bomb
ZIP_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
}


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


def zip_entries(archive: Path) -> Iterator[Entry]:
    """The members of a zip archive, in order; raises `Damaged` where a sum is not that of its content."""
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
