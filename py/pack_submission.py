"""Pack a submission's folder into a zip: names in order, fixed times, so that equal files give equal bytes.

``--compare`` packs nothing: it prints the names of the files that differ from those in the zip.

    python py/pack_submission.py --folder runs/demo/mine/submission --zip submit.zip
"""

import zipfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import cli
from records import BadInput
from submission.packing import differing, pack


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder that holds solution/ and output/")
    parser.add_argument("--zip", type=Path, required=True, help="the zip to write, or to compare with")
    parser.add_argument("--compare", action="store_true", help="only compare")
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
