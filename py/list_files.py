"""List the files that a user's own set consists of, so that the graph sees when one of them changes.

    python py/list_files.py --of data/demo/seed/mgm_pretrain_demo.jsonl --output files.txt

A file of records (Data-Juicer's .jsonl, LLaVA's .json): the images that it names and that are there. A
folder: all in it. What is wrong with a record or an image is for the stage that reads it to say, but for one
thing: with --stage1, that a record of a seed has no question, for the stage that reads these comes late.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import cli
from errors import BadInput, Problems
from json_files import atomic_write, read_list, read_objects
from record_files import read_records
from stage1 import no_question, questions_of


def images(path: Path) -> Iterator[str]:
    """The images that the records in ``path`` name, as written."""
    for _, row in read_list(path) if path.suffix == ".json" else read_objects(path):
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
    if torn := sorted(path for path in listed if "\n" in path or "\r" in path):
        raise BadInput(f"{of}: {torn[0]!r}: a file's name with a line end in it; rename the file")
    return sorted(listed | ({os.path.normpath(of)} if of.is_file() else set()))


def check_questions(seed: Path, stage1: Path) -> None:
    """Raise `BadInput` naming each sound record of ``seed`` that has no question in ``stage1``."""
    questions, problems = questions_of(seed, stage1), Problems()
    for row in read_records(seed, faults=[]):
        if row.id not in questions:
            problems.add(f"{seed}:{row.line}: id {row.id}: {no_question(stage1)}")
    problems.raise_if_any()


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--of", required=True, type=Path, help="a .jsonl, a .json or a folder")
    parser.add_argument("--output", required=True, type=Path, help="one path a line")
    parser.add_argument(
        "--stage1",
        type=Path,
        help="of a seed: its questions' file, or none: official (default: not looked at)",
    )
    args = parser.parse_args()
    if not args.of.exists():
        raise BadInput(f"{args.of}: no such file; correct the knob that names it, or restore it")
    listed = files(args.of)
    if args.stage1:
        check_questions(args.of, args.stage1)
    with atomic_write(args.output) as file:
        file.writelines(f"{path}\n" for path in listed)


if __name__ == "__main__":
    cli.run(main)
