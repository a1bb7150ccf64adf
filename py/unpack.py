"""Unpack a downloaded archive: nothing may reach outside the folder, and a single top folder is dropped.

python py/unpack.py --archive gemma-2b-it.tar.gz --output models/10k/gemma-2b-it
"""

import argparse
import tarfile
from pathlib import Path

import cli
from records import BadInput


def unpack(archive: Path, output: Path) -> None:
    """Extract ``archive`` into ``output``; raises `BadInput` for devices, and paths or links to outside."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(output, filter="data")
    except tarfile.FilterError as error:
        raise BadInput(f"{archive}: unsafe archive: {error}; get it from another source") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"{archive}: cannot be unpacked ({error}); remove it and fetch it again") from error
    members = list(output.iterdir())
    if len(members) == 1 and members[0].is_dir():
        top = members[0].rename(output / ".top")
        for path in top.iterdir():
            path.rename(output / path.name)
        top.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", type=Path, required=True, help="the .tar.gz file")
    parser.add_argument("--output", type=Path, required=True, help="folder to unpack into")
    args = parser.parse_args()
    unpack(args.archive, args.output)


if __name__ == "__main__":
    cli.run(main)
