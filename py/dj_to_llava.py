"""Convert a synth file to the LLaVA format that the training reads.

The human turn is restored by id: from stage_1.json, from a seed in LLaVA format (--stage1 and --seed are then
the same file) or, with --stage1 none, from the official ones. The caption loses Data-Juicer's tokens, and a
set over the budget is sampled as in the kit. `image` is relative to the training's image folder: as written
in the file of the questions where it is the same image, else the way to it (an image made in synthesis).

    python py/dj_to_llava.py --synth runs/demo/default/synth.jsonl --stage1 data/demo/seed/stage_1.json \\
        --output synth.llava.json --budget 3000
"""

import argparse
import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import cli
from errors import BadInput, Problems
from json_files import atomic_write, encode
from record_files import read_records
from records import caption_of
from stage1 import NONE, Question, no_question, questions_of


def sampled(rows: list, budget: int | None, random_seed: int) -> list:
    """The kit's sampling: ``rows`` as they are up to ``budget``, else `random.sample` after `random.seed`.

    >>> sampled(list("abcde"), 2, 1024)
    ['a', 'd']
    """
    if budget is None or len(rows) <= budget:
        return rows
    random.seed(random_seed)
    return random.sample(rows, budget)


def image_value(synth: Path, image: str, official: str, image_folder: Path) -> str:
    """The path of ``image``, given relative to ``synth``, as the training needs it: from ``image_folder``."""
    path = os.path.join(synth.parent, image)  # noqa: PTH118 (twice per record: Path would take most of the run)
    found = os.stat(path)  # noqa: PTH116
    try:
        if os.path.samestat(found, os.stat(os.path.join(image_folder, official))):  # noqa: PTH116, PTH118
            return official
    except FileNotFoundError:
        pass
    return os.path.relpath(os.path.realpath(path), os.path.realpath(image_folder))


def converted(
    synth: Path, questions: dict[str, Question], known_in: Path, image_folder: Path
) -> Iterator[tuple]:
    """Yield (id, human turn, caption, image, synthesised or not) for each record of ``synth``, in order."""
    problems = Problems()
    for record in read_records(synth, unique=False):
        where = f"{synth}:{record.line}: id {record.id}"
        question = questions.get(record.id)
        if question is None:
            problems.add(f"{where}: {no_question(known_in)}")
            continue
        try:
            image = image_value(synth, record.image, question.image, image_folder)
        except FileNotFoundError:
            problems.add(f"{where}: image {record.image} is missing; restore it or make synth again")
            continue
        caption = caption_of(record.text)
        yield record.id, question.human, caption, image, caption != question.caption.strip()
    problems.raise_if_any()


def write_llava(output: Path, rows: Iterable[tuple]) -> None:
    """Write a JSON list with one sample a line, atomically."""
    with atomic_write(output) as file:
        separator = "[\n"
        for identity, human, caption, image, _ in rows:
            turns = [{"from": "human", "value": human}, {"from": "gpt", "value": caption}]
            sample = {"id": identity, "conversations": turns, "image": image}
            file.write(separator + encode(sample))
            separator = ",\n"
        file.write("\n]\n")


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--synth", required=True, type=Path, help="records to convert, Data-Juicer format")
    parser.add_argument(
        "--stage1",
        required=True,
        type=Path,
        help="the seed's stage_1.json: the human turns; none: the official questions, chosen by id",
    )
    parser.add_argument("--seed", type=Path, help="the seed (default: none); needed without stage_1.json")
    parser.add_argument("--output", required=True, type=Path, help="file to write, LLaVA format")
    parser.add_argument("--budget", type=int, help="most samples to write; more are sampled (default: all)")
    parser.add_argument("--random_seed", type=int, default=1024, help="for the sampling (official: 1024)")
    parser.add_argument(
        "--image_folder",
        type=Path,
        help="folder that the training gets as its own --image_folder (default: that of stage_1.json)",
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.budget is not None and args.budget < 1:
        raise BadInput(f"--budget must be above 0, not {args.budget}")
    if args.stage1 == NONE and not args.seed:
        raise BadInput("--stage1 none needs the seed: give --seed")
    questions = questions_of(args.seed, args.stage1)
    known_in = args.seed if args.stage1 == NONE else args.stage1
    rows = list(converted(args.synth, questions, known_in, args.image_folder or known_in.parent))
    chosen = sampled(rows, args.budget, args.random_seed)
    write_llava(args.output, chosen)
    unique, synthesised = len({row[0] for row in chosen}), sum(row[4] for row in chosen)
    counts = f"{len(chosen)} of {len(rows)} records, {unique} ids, {synthesised} synthesised"
    print(f"dj_to_llava.py: {args.output}: {counts}")


if __name__ == "__main__":
    cli.run(main)
