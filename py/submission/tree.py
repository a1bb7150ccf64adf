"""A submission's files, in a zip or in a folder."""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from errors import BadInput

# A file that becomes more than so many times as long, and more than so many bytes, is a bomb.
RATIO, SMALL = 200, 10 << 20
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class Member(NamedTuple):
    """One file: name with slashes, bytes, kind (file, link or other), and where it is kept."""

    name: str
    size: int
    kind: str
    held: "zipfile.ZipInfo | Path"


class Tree:
    """The files of a submission, by name."""

    def __init__(self, path: Path, members: list[Member], archive: zipfile.ZipFile | None) -> None:
        self.path, self.archive = path, archive
        self.members = members
        self.files = {member.name: member for member in members if member.kind == "file"}

    def inside(self, folder: str) -> "Tree":
        """What lies in ``folder``, under the names that it has there."""
        start = f"{folder}/"
        kept = [m._replace(name=m.name.removeprefix(start)) for m in self.members if m.name.startswith(start)]
        return Tree(self.path, kept, self.archive)

    def below(self, folder: str) -> list[str]:
        """Names of the files in ``folder``, at any depth."""
        return [name for name in self.files if name.startswith(f"{folder}/")]

    def size(self, name: str) -> int:
        return self.files[name].size

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The file's bytes; raises `BadInput` where they cannot be read, at any point of the reading."""
        held = self.files[name].held
        try:
            with held.open("rb") if isinstance(held, Path) else self.archive.open(held) as file:
                yield file
        except UNREADABLE as error:
            raise BadInput(f"cannot be read ({error}); make the zip again") from error

    def read(self, name: str, limit: int) -> bytes:
        """All bytes of a file of at most ``limit``; raises `BadInput` for a longer one."""
        self.require(name, limit)
        with self.open(name) as file:
            return file.read()

    def require(self, name: str, limit: int) -> None:
        """Raise `BadInput` unless the file can be read within ``limit`` bytes."""
        held = self.files[name].held
        if self.size(name) > limit:
            raise BadInput(f"has {self.size(name):,} bytes, more than {limit:,}; not read, replace the file")
        if not isinstance(held, Path) and held.file_size > max(RATIO * held.compress_size, SMALL):
            raise BadInput(
                f"{held.compress_size:,} bytes would become {held.file_size:,}; not read, replace the file"
            )


@contextmanager
def opened(path: Path) -> Iterator[Tree]:
    """The tree in the zip or folder ``path``; raises `BadInput` for anything else."""
    if path.is_dir():
        yield Tree(path, list(_in_folder(path)), None)
        return
    if not path.is_file():
        raise BadInput(f"{path}: no such file; 'make submission' makes one")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput(f"{path}: not a whole zip file ({error}); make or upload it again") from error
    with archive:
        yield Tree(path, list(_in_zip(archive)), archive)


def _in_folder(path: Path) -> Iterator[Member]:
    for folder, names, files in os.walk(path):
        linked = [name for name in names if Path(folder, name).is_symlink()]
        for name in sorted(files + linked):
            file = Path(folder, name)
            status = file.lstat()
            kind = "link" if file.is_symlink() else "file" if stat.S_ISREG(status.st_mode) else "other"
            yield Member(file.relative_to(path).as_posix(), status.st_size, kind, file)


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        mode = info.external_attr >> 16 if info.create_system == 3 else 0
        kind = "link" if stat.S_ISLNK(mode) else "file"
        if info.flag_bits & 1:
            kind = "encrypted"
        if info.orig_filename != info.filename:  # zipfile cuts a name at NUL: keep what the archive says
            yield Member(info.orig_filename, info.file_size, kind, info)
        elif not info.is_dir():
            yield Member(info.filename, info.file_size, kind, info)
