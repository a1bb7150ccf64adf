"""The folder that sources are gathered in: filled aside, then put in place of the earlier one at once."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import BadInput

TWO_KINDS = "a file in one source, a folder in another; leave one out"


def beside(output: Path, suffix: str) -> Path:
    return output.with_name(output.name + suffix)


def remove(path: Path) -> None:
    """Remove whatever is at ``path``, never what a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def recover(output: Path) -> None:
    """Clear away what a killed run left, the earlier ``output`` back in place."""
    old = beside(output, ".old+")
    if not os.path.lexists(output) and os.path.lexists(old):
        old.rename(output)  # killed between the two renames of `filled_aside`
    remove(old)
    remove(beside(output, "+"))


@contextmanager
def filled_aside(output: Path) -> Iterator[Path]:
    """A new folder that becomes ``output`` at the end; on any error the earlier ``output`` stays."""
    recover(output)
    aside, old = beside(output, "+"), beside(output, ".old+")
    try:
        aside.mkdir(parents=True)
        yield aside
        if os.path.lexists(output):
            output.rename(old)
        aside.rename(output)
        remove(old)
    finally:
        remove(aside)


def files_of(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(file, path in the folder) of all below ``folder``, links followed; `BadInput` for other things."""

    def below(path: Path, seen: tuple[Path, ...]) -> Iterator[Path]:
        real = path.resolve()
        if real in seen:
            raise BadInput(f"{path}: a link to a folder above it; remove it")
        for entry in sorted(path.iterdir()):
            if entry.is_dir():
                yield from below(entry, (*seen, real))
            elif entry.is_file():
                yield entry
            else:
                what = "a link to nothing" if entry.is_symlink() else "neither file nor folder"
                raise BadInput(f"{entry}: {what}; restore or remove it")

    for file in below(folder, ()):
        yield file, file.relative_to(folder)


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadInput(f"{path}: {TWO_KINDS}") from error


def make_way(target: Path) -> bool:
    """Free the path of a file, its folder made; whether an earlier source had one there: the later counts."""
    make_folder(target.parent)
    if not os.path.lexists(target):
        return False
    if target.is_dir():
        raise BadInput(f"{target}: {TWO_KINDS}")
    target.unlink()
    return True


def put(file: Path, target: Path, own: bool) -> bool:
    """Put ``file`` at ``target``, our own by a link, another's as a copy; whether one was there already."""
    replaced = make_way(target)
    if own:
        try:
            os.link(file, target)
            return replaced
        except OSError:  # a file system without links
            pass
    shutil.copyfile(file, target)
    return replaced
