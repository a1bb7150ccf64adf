"""What the benchmarks share: their rows, how these are printed and written, and their options."""

import argparse
import json
from pathlib import Path

from json_files import write_json


def row(
    name: str,
    value: float,
    unit: str,
    target: float | None = None,
    goal: float | None = None,
    higher_is_better: bool = False,
    **detail: object,
) -> dict:
    """A row; without ``target`` it only informs."""
    limits = {"target": target, "goal": goal, "higher_is_better": higher_is_better}
    return {"name": name, "value": value, "unit": unit} | limits | {"detail": detail}


def tell(rows: list[dict], path: Path | None) -> None:
    """Print ``rows``, and write them to ``path`` if there is one."""
    for found in rows:
        detail = json.dumps(found["detail"], ensure_ascii=False) if found["detail"] else ""
        print(f"{found['name']}: {found['value']:,.4g} {found['unit']} {detail}".rstrip())
    if path:
        write_json(path, rows)


def parser_of(text: str) -> argparse.ArgumentParser:
    """A benchmark's parser, ``text`` being its help, with the option that all have."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the rows to this file; off: print only")
    return parser


def whole_number(text: str) -> int:
    """The type of an option that is a whole number from 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number, at least 1")
    return int(text)
