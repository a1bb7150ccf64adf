"""Unpack a downloaded archive: nothing may reach outside the folder, and a single top folder is dropped.

    python py/unpack.py --archive gemma-2b-it.tar.gz --output models/10k/gemma-2b-it

.tar.gz, .tgz, .tar and .zip. The archive is read whole before anything is written. Only plain files and
folders are unpacked, with plain permissions; links, devices, paths to outside, doubles and bombs are refused.
"""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import cli
from errors import BadInput
from fetch import room
from fetch.archives import checked, faults_named
from fetch.content import Refused
from fetch.folder import filled_aside, make_folder, make_way
from fetch.members import FOLDER, Entry
from progress import Progress

BLOCK = 4096  # bytes; a smaller file takes as much


class Survey(NamedTuple):
    """What an archive holds: files, bytes that these take on disk, whether all lies in one top folder."""

    files: int
    bytes: int
    one_top: bool


def survey(archive: Path) -> Survey:
    """Read all of ``archive``; raises `Refused` where something in it is unsafe or damaged."""
    files = size = 0
    tops, progress = {}, Progress(f"reading {archive.name}", None)
    for path, entry in checked(archive):
        tops[path[0]] = tops.get(path[0], False) or entry.kind == FOLDER or len(path) > 1
        if entry.kind != FOLDER:
            files += 1
            size += -(-entry.size // BLOCK) * BLOCK
        progress.add(entry.size)
    if not files:
        raise Refused(f"{archive}: no file in it; get it from another source")
    return Survey(files, size, list(tops.values()) == [True])


def unpack(archive: Path, output: Path, found: Survey) -> int:
    """Extract ``archive``, surveyed as ``found``, into ``output``; how many files were there before.

    Raises `BadInput` where there is no room.
    """
    room.check(output, found.bytes, f"the files in {archive.name}", found.files)
    progress = Progress(f"unpacking {archive.name}", found.files, unit="{:,} files".format)
    replaced = 0
    for path, entry in checked(archive):
        target = output.joinpath(*path[found.one_top :])
        if entry.kind == FOLDER:
            make_folder(target)
            continue
        replaced += make_way(target)
        with faults_named(archive):
            write(entry, target)
        progress.add(1)
    progress.end()
    return replaced


def write(entry: Entry, target: Path) -> None:
    """Write one file, which must be new; never through a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with entry.opened() as packed, os.fdopen(os.open(target, flags, 0o644), "wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="the archive")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    args = parser.parse_args()
    if args.output.exists():
        raise BadInput(f"{args.output} is there already; remove it or name another folder")
    with filled_aside(args.output) as aside:
        unpack(args.archive, aside, survey(args.archive))


if __name__ == "__main__":
    cli.run(main)
