"""Check a seed file before anything expensive runs: every line, every id, and every image decoded.

Writes the checked records in the one form that the later steps read: ``<__dj__image>`` as the placeholder,
absolute image paths. All faults of the file are reported together, and then nothing is written.

    python py/check_seed.py --seed data/demo/seed/mgm_pretrain_demo.jsonl --output /tmp/seed.jsonl
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import cli
import records
from pictures import read_picture


def image_fault(path: str) -> str | None:
    """Decode the image at ``path`` to its last byte; what is wrong with it and the remedy, or None."""
    try:
        read_picture(path, f"image {path}", "restore it or remove the record", shrink=8)
    except records.BadInput as error:
        return str(error)
    return None


def checked(seed: Path, processes: int) -> Iterator[records.Record]:
    """The records of ``seed`` with absolute image paths; raises `BadInput` with all faults first."""
    folder = seed.parent.resolve()
    problems = records.Problems()
    rows: list[records.Record] = []

    def paths() -> Iterator[str]:
        try:
            for record in records.read_records(seed):
                rows.append(record._replace(image=str(folder / record.image)))
                yield rows[-1].image
        except records.BadInput as error:  # kept until the images are through
            problems.add(str(error))

    with Pool(processes) if processes > 1 else nullcontext() as pool:
        each: Callable = partial(pool.imap, chunksize=64) if pool else map
        for index, fault in enumerate(each(image_fault, paths())):
            if fault is not None:
                problems.add(f"{seed}:{rows[index].line}: id {rows[index].id}: {fault}")
    problems.raise_if_any()
    yield from rows


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", required=True, type=Path, help="seed records, Data-Juicer format (jsonl)")
    parser.add_argument("--output", required=True, type=Path, help="the checked records (jsonl)")
    parser.add_argument("--np", type=int, default=1, help="processes that decode images (default: 1)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    rows = checked(args.seed, args.np)
    with records.atomic_write(args.output) as file:
        for row in rows:
            line = {"id": row.id, "text": row.text, "images": [row.image]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    cli.run(main)
