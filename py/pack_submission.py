"""Pack a submission's folder into a zip: names in order, fixed times, so that equal files give equal bytes.

``--compare`` packs nothing: it prints the names of the files that differ from those in the zip.

    python py/pack_submission.py --folder runs/demo/default/submission --zip submit.zip
"""

import zipfile
import zlib
from pathlib import Path

import cli
from errors import BadInput
from fetch import room
from json_files import atomic_write
from progress import BLOCK, Progress
from submission import rules

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
EXECUTABLE, PLAIN = 0o100755, 0o100644
HEADERS = 1 << 20


def files_of(folder: Path) -> dict[str, Path]:
    """{name in the zip: file}, in the order of the names; raises `BadInput` for a link or an empty folder."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    found = {path.relative_to(folder).as_posix(): path for path in paths}
    for path in found.values():
        if path.is_symlink() or not path.is_file():
            raise BadInput(f"{path}: not a plain file; put the content itself there, or remove it")
    if not found:
        raise BadInput(f"{folder}: no file to pack; 'make submission' makes a submission")
    return dict(sorted(found.items()))


def pack(folder: Path, target: Path) -> int:
    """Write the files of ``folder`` into the zip ``target``, atomically; the number of files."""
    files = files_of(folder)
    total = sum(path.stat().st_size for path in files.values())
    target.parent.mkdir(parents=True, exist_ok=True)
    room.check(target.parent, total + HEADERS, f"the files of {folder}")
    progress = Progress(f"packing {target.name}", total)
    with atomic_write(target, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, path in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3  # so that the mode counts
            info.external_attr = (EXECUTABLE if path.stat().st_mode & 0o100 else PLAIN) << 16
            info.compress_type = (
                zipfile.ZIP_STORED if name.endswith(rules.INCOMPRESSIBLE) else zipfile.ZIP_DEFLATED
            )
            info.file_size = path.stat().st_size  # over 2 GB, ZIP64
            with path.open("rb") as source, archive.open(info, "w") as part:
                progress.pour(source, part)
    return len(files)


def differing(folder: Path, packed: Path) -> list[str]:
    """Names of the files that are not the same in ``folder`` and in the zip ``packed``."""
    files = files_of(folder)
    with zipfile.ZipFile(packed) as archive:
        parts = {info.filename: (info.file_size, info.CRC) for info in archive.infolist()}
    same = {name for name in files if name in parts and _same(files[name], *parts[name])}
    return sorted({*files, *parts} - same)


def _same(path: Path, size: int, crc: int) -> bool:
    if path.stat().st_size != size:
        return False
    found = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found = zlib.crc32(block, found)
    return found == crc


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder that holds solution/ and output/")
    parser.add_argument("--zip", type=Path, required=True, help="the zip to write, or to compare with")
    parser.add_argument("--compare", action="store_true", help="only compare (default: pack)")
    args = parser.parse_args()
    if not args.folder.is_dir():
        raise BadInput(f"{args.folder}: no such folder; 'make submission' makes one")
    if not args.compare:
        print(f"pack_submission.py: {args.zip}: {pack(args.folder, args.zip)} files")
        return
    try:
        print("\n".join(differing(args.folder, args.zip)))
    except zipfile.BadZipFile as error:
        raise BadInput(f"{args.zip}: not a whole zip file ({error}); make it again") from error


if __name__ == "__main__":
    cli.run(main)
