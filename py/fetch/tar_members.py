"""Members of a tar archive, in order: every byte of it is read, and a header that is wrong is an error."""

import tarfile
from collections.abc import Iterator
from typing import IO

from fetch.members import FILE, FOLDER, Damaged, Entry

MOST_PADDING = 1 << 26  # bytes of zeros after the last member
LONGEST_HEADER = 1 << 16  # bytes of a long name or of extended attributes, which are read into memory
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


def tar_entries(stream: IO[bytes]) -> Iterator[Entry]:
    """The members, in order; raises `Damaged` where a header or what follows the last one is wrong."""
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
