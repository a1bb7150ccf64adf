"""Check a seed file before anything expensive runs: every line, every id, and every image decoded.

Writes the checked records in the one form that the later steps read: ``<__dj__image>`` as the placeholder,
absolute image paths, each with its line (`seed_row`) and the SHA-256 of its image (`image_sha256`). All
faults of the file are reported together, and then nothing is written; with ``--on_bad_record drop`` the
faulty records are left out and listed, as long as they are not more than ``--max_bad_records``.

    python py/check_seed.py --seed data/demo/seed/mgm_pretrain_demo.jsonl --output /tmp/seed.jsonl
"""

import argparse
import hashlib
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import PIL

import cli
import records
from pictures import read_picture
from store import Model, key_of, opened

DECODER = Model("pillow", PIL.__version__, '{"ask": "decodes"}')

REMEDY = "restore it or remove the record"
AT_ONCE = 256


class Image(NamedTuple):
    """What is known of an image once it was read: the SHA-256 of its bytes, or what is wrong with it."""

    sha256: str
    fault: str | None


def batched(rows: Iterator, size: int) -> Iterator[list]:
    """``rows`` in lists of ``size``; the last may be shorter."""
    while some := list(islice(rows, size)):
        yield some


def digest_of(path: str) -> Image:
    """Read the image at ``path``."""
    try:
        with Path(path).open("rb") as file:
            return Image(hashlib.file_digest(file, "sha256").hexdigest(), None)
    except FileNotFoundError:
        return Image("", f"image {path} is missing; {REMEDY}")
    except OSError as error:
        return Image("", f"image {path} cannot be read ({error.strerror}); {REMEDY}")


def look_at(paths: list[str], store: Path | None) -> list[Image]:
    """Read each image and decode it to its last byte, unless the store knows that its bytes decode."""
    images = [digest_of(path) for path in paths]
    keys = [key_of(image.sha256) for image in images]
    known = opened(store).answers(DECODER, keys) if store else {}
    sound = {}
    for row, (path, key) in enumerate(zip(paths, keys, strict=True)):
        if images[row].fault is None and key not in known:
            try:
                read_picture(path, f"image {path}", REMEDY, shrink=8)
                sound[key] = True
            except records.BadInput as error:
                images[row] = Image("", str(error))
    if store:
        opened(store).add(DECODER, sound, asked=len(paths))
    return images


def checked(
    seed: Path, args: argparse.Namespace, faults: list[tuple[int, str | None, str]]
) -> Iterator[dict]:
    """Yield the sound records of ``seed`` with absolute image paths; ``faults`` gets the others."""
    folder = seed.parent.resolve()
    rows: deque[records.Record] = deque()

    def chunks() -> Iterator[list[str]]:
        for some in batched(records.read_records(seed, faults=faults), AT_ONCE):
            rows.extend(record._replace(image=str(folder / record.image)) for record in some)
            yield [str(folder / record.image) for record in some]

    with ProcessPoolExecutor(args.np) if args.np > 1 else nullcontext() as pool:
        look = partial(look_at, store=args.store)
        for image in chain.from_iterable((pool.map if pool else map)(look, chunks())):
            row = rows.popleft()
            if image.fault:
                faults.append((row.line, row.id, f"{seed}:{row.line}: id {row.id}: {image.fault}"))
                continue
            checks = {"seed_row": row.line, "seed_image": row.image, "image_sha256": image.sha256}
            yield {"id": row.id, "text": row.text, "images": [row.image], **checks}


def refuse(faults: list[tuple[int, str | None, str]], sound: int, most: float) -> None:
    """Raise `BadInput` with the faults, the lines' first, unless they are at most ``most`` of all records."""
    if len(faults) <= most * (len(faults) + sound) and sound:
        return
    problems = records.Problems()
    for _, _, message in sorted(faults, key=lambda fault: fault[0]):
        problems.add(message)
    if most and sound:
        problems.messages.append(f"these are more than MAX_BAD_RECORDS={most:g} of all {len(faults) + sound}")
    problems.raise_if_any()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", required=True, type=Path, help="seed records, Data-Juicer format (jsonl)")
    parser.add_argument("--output", required=True, type=Path, help="the checked records (jsonl)")
    parser.add_argument("--np", type=int, default=1, help="processes that decode images (default: 1)")
    parser.add_argument("--on_bad_record", choices=("fail", "drop"), default="fail", help="default: fail")
    parser.add_argument(
        "--max_bad_records", type=float, default=0.01, help="with drop: the most, as a share (default: 0.01)"
    )
    parser.add_argument("--store", type=Path, help="SQLite file: images decoded before (default: none)")
    parser.add_argument("--bad", type=Path, help="file for what was left out (jsonl; default: none)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    faults: list[tuple[int, str | None, str]] = []
    sound = 0
    with records.atomic_write(args.output) as file:
        try:
            for row in checked(args.seed, args, faults):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                sound += 1
        except BrokenExecutor as error:
            raise records.BadInput(
                f"{args.seed}: a process that decodes images was killed, for want of memory perhaps; "
                "set SYNTH_PROCESSES lower"
            ) from error
        refuse(faults, sound, args.max_bad_records if args.on_bad_record == "drop" else 0)
    faults.sort(key=lambda fault: fault[0])
    if args.bad:
        names = ("line", "id", "error")
        records.write_jsonl(args.bad, (dict(zip(names, fault, strict=True)) for fault in faults))
    for *_, message in faults[: records.Problems.SHOWN]:
        print(f"check_seed.py: left out: {message}")


if __name__ == "__main__":
    cli.run(main)
