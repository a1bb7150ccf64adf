"""Check a seed file before anything expensive runs: every line, every id, and every image decoded.

Writes the checked records in the one form that the later steps read: ``<__dj__image>`` as the placeholder,
absolute image paths, each with its line (`seed_row`) and the SHA-256 of its image (`image_sha256`). All
faults of the file are reported together, and then nothing is written; with ``--on_bad_record drop`` the
faulty records are left out and listed, as long as they are not more than ``--max_bad_records``.

    python py/check_seed.py --seed data/demo/seed/mgm_pretrain_demo.jsonl --output work/seed.jsonl
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cli
from errors import Problems
from image_check import Image, look_at
from json_files import atomic_write, encode, write_jsonl
from record_files import read_records
from records import Fault, Record
from workers import Workers


def images_of(rows: list[Record], folder: Path, store: Path | None) -> list[Image]:
    """The image of each record, looked at."""
    return look_at([str(folder / row.image) for row in rows], store)


def checked(seed: Path, args: argparse.Namespace, faults: list[Fault]) -> Iterator[dict]:
    """Yield the sound records of ``seed`` with absolute image paths; ``faults`` gets the others."""
    folder = seed.parent.resolve()
    look = partial(images_of, folder=folder, store=args.store)
    with Workers(args.np) as workers:
        rows = read_records(seed, faults=faults)
        for some, images in workers.map(look, rows, seed.name, None):
            for row, image in zip(some, images, strict=True):
                if image.fault:
                    faults.append(Fault(seed, row.line, row.id, image.fault, row.place))
                    continue
                path = str(folder / row.image)
                checks = {"seed_row": row.place, "seed_image": path, "image_sha256": image.sha256}
                yield {"id": row.id, "text": row.text, "images": [path], **checks}


def refuse(faults: list[Fault], sound: int, most: float) -> None:
    """Raise `BadInput` with the faults, the lines' first, unless they are at most ``most`` of all records."""
    if len(faults) <= most * (len(faults) + sound) and sound:
        return
    problems = Problems()
    for fault in sorted(faults, key=lambda fault: fault.place):
        problems.add(fault.message)
    if most and sound:
        problems.messages.append(f"these are more than MAX_BAD_RECORDS={most:g} of all {len(faults) + sound}")
    problems.raise_if_any()


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--seed", required=True, type=Path, help="seed records, Data-Juicer's (.jsonl) or LLaVA's (.json)"
    )
    parser.add_argument("--output", required=True, type=Path, help="the checked records (jsonl)")
    parser.add_argument("--np", type=int, default=1, help="processes that decode images (default: 1)")
    parser.add_argument(
        "--on_bad_record", choices=("fail", "drop"), default="fail", help="drop: leave out (default: fail)"
    )
    parser.add_argument(
        "--max_bad_records", type=float, default=0.01, help="with drop: the most, as a share (default: 0.01)"
    )
    parser.add_argument("--store", type=Path, help="SQLite file: images decoded before (default: none)")
    parser.add_argument("--bad", type=Path, help="file for what was left out (jsonl; default: none)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    faults: list[Fault] = []
    sound = 0
    with atomic_write(args.output) as file:
        for row in checked(args.seed, args, faults):
            file.write(encode(row) + "\n")
            sound += 1
        refuse(faults, sound, args.max_bad_records if args.on_bad_record == "drop" else 0)
    faults.sort(key=lambda fault: fault.place)
    if args.bad:
        lines = ({"line": fault.place, "id": fault.id, "error": fault.message} for fault in faults)
        write_jsonl(args.bad, lines)
    for fault in faults[: Problems.SHOWN]:
        print(f"check_seed.py: left out: {fault.message}")


if __name__ == "__main__":
    cli.run(main, "lower SYNTH_PROCESSES")
