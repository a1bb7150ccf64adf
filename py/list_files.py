"""List the files that a user's own set consists of, so that the graph sees when one of them changes.

    python py/list_files.py --of data/demo/seed/mgm_pretrain_demo.jsonl --output files.txt

A file of records (Data-Juicer's .jsonl, LLaVA's .json): the images that it names and that are there. A
folder: all in it. What is wrong with a record or an image is for the stage that reads it to say.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import cli
from records import BadInput, atomic_write


def images(path: Path) -> Iterator[str]:
    """The images that the records in ``path`` name, as written."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        rows = [json.loads(text)]
        rows = rows[0] if isinstance(rows[0], list) else rows
    else:
        rows = []
        for line in text.splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    for row in rows:
        if isinstance(row, dict):
            named = row.get("images", row.get("image"))
            named = named if isinstance(named, list) else [named]
            yield from (name for name in named if isinstance(name, str))


def files(of: Path) -> list[str]:
    """Paths of the files of the set ``of``, sorted; absolute only where ``of`` is."""
    if of.is_dir():
        found = (Path(folder, name) for folder, _, names in os.walk(of, followlinks=True) for name in names)
    else:
        found = (of.parent / name for name in images(of))
    listed = {os.path.normpath(path) for path in found if path.is_file()}
    return sorted(listed | ({os.path.normpath(of)} if of.is_file() else set()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--of", required=True, type=Path, help="a .jsonl, a .json or a folder")
    parser.add_argument("--output", required=True, type=Path, help="one path a line")
    args = parser.parse_args()
    if not args.of.exists():
        raise BadInput(f"{args.of}: no such file; correct the knob that names it, or restore it")
    try:
        listed = files(args.of)
    except ValueError as error:
        raise BadInput(f"{args.of}: not valid JSON ({error}); mend it") from error
    with atomic_write(args.output) as file:
        file.writelines(f"{path}\n" for path in listed)


if __name__ == "__main__":
    cli.run(main)
