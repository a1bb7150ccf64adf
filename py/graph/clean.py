"""Remove what was built, after listing it with sizes; nothing outside the project is ever removed.

python py/graph/clean.py --dry_run runs/demo/mine
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from graph import leftovers
from graph.locks import owner_of
from graph.processes import alive
from graph.sizes import bytes_of, readable


def check(path: Path, project: Path) -> None:
    """Raise `BadInput` unless ``path`` (of a link, itself) lies in ``project`` and no make builds there."""
    whole = path.parent.resolve() / path.name if path.is_symlink() else path.resolve()
    if whole == project or project not in whole.parents:
        raise BadInput(f"{path} leads to {whole}, outside the project; remove it by hand if you mean it")
    if path.is_symlink():
        return
    for owner in [*path.glob(".make/owner"), *path.glob("*/*/.make/owner")]:
        other = owner_of(owner.parents[1])
        if other and alive(other):
            raise BadInput(
                f"{owner.parents[1]} is being built by process {other['pid']} on {other['host']}; "
                f"wait for it or stop it (if that process is gone for certain: rm {owner})"
            )


def parse() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--dry_run", action="store_true", help="list only (default: remove)")
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders, relative to the project")
    parser.add_argument(
        "--leftovers",
        nargs=4,
        type=Path,
        metavar=("RUNS", "DATA", "MODELS", "FEATURES"),
        help="of killed runs in these folders of a profile (default: only what is named)",
    )
    args = parser.parse_args()
    if not args.paths and not args.leftovers:
        parser.error("nothing is named")
    return args


def main() -> None:
    args = parse()
    project = Path.cwd().resolve()
    paths = args.paths + (leftovers.find(leftovers.Places(*args.leftovers)) if args.leftovers else [])
    there = [path for path in paths if path.is_symlink() or path.exists()]
    for path in there:
        check(path, project)
    total = 0
    for path in there:
        size = bytes_of(path)
        total += size
        verb, slash = "would remove" if args.dry_run else "remove", "/" if path.is_dir() else ""
        print(f"{verb} {path}{slash}: {readable(size)}", flush=True)
        if args.dry_run:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    print(f"{readable(total)} {'would be' if args.dry_run else 'are'} free" if there else "nothing to remove")


if __name__ == "__main__":
    cli.run(main)
