"""Read everything that the graph made in some folders again; name each file that differs from its manifest.

    python py/graph/verify.py models/demo data/demo runs/demo/default

Where something differs, the mark of its stage is removed, so that the next make makes it again.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from graph.files import made_entries
from graph.marks import located
from graph.sizes import readable
from json_files import read_lines

EVERY = 10_000
LINE = re.compile(r"([0-9a-f]{64}) ([0-9]{1,18}) (.+)")


def listed(manifest: Path) -> Iterator[tuple[str, int, str]]:
    """sha256, bytes and path from the project, of each file in ``manifest``; raises `BadInput` where it is
    damaged.
    """
    for number, line in enumerate(read_lines(manifest), 1):
        match = LINE.fullmatch(line)
        if match is None:
            raise BadInput(f"{manifest}:{number}: not 'SHA256 BYTES PATH'; the manifest is damaged")
        yield match[1], int(match[2]), located(str(manifest.parents[1]), match[3])


def faults(manifest: Path) -> Iterator[str]:
    """What differs from ``manifest``, a line for each file; progress goes to standard error."""
    try:
        rows = list(listed(manifest))
    except BadInput as error:
        yield str(error)
        return
    there = [row for row in rows if Path(row[2]).is_file()]
    yield from (f"{path}: missing" for _, _, path in rows if not Path(path).is_file())
    found = made_entries(path for _, _, path in there)
    for number, ((digest, size, path), (_, entry)) in enumerate(zip(there, found, strict=True), 1):
        if entry[0] != size:
            yield f"{path}: {entry[0]:,} bytes, not {size:,}"
        elif entry[3] != digest:
            yield f"{path}: sha256 {entry[3][:12]}, not {digest[:12]}"
        if number % EVERY == 0:
            print(f"verify.py: {manifest.parent.parent}: {number:,} of {len(there):,} files", file=sys.stderr)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with marks in .make")
    args = parser.parse_args()
    bad = 0
    for made in sorted(mark for folder in args.folders for mark in folder.glob(".make/*.made")):
        manifest = made.with_suffix(".out")
        found = list(faults(manifest)) if manifest.is_file() else [f"{manifest}: missing"]
        bad += len(found)
        name = f"{made.parents[1]} {made.stem}"
        if found:
            print("\n".join([f"{name}: {len(found)} differ", *(f"  {fault}" for fault in found)]))
            made.unlink()
        else:
            rows = list(listed(manifest))
            print(f"{name}: {len(rows):,} files, {readable(sum(size for _, size, _ in rows))}, as made")
    if bad:
        sys.exit(f"verify.py: {bad} files differ; the next make makes their stages again")


if __name__ == "__main__":
    cli.run(main)
