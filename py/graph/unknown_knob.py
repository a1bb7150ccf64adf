"""Say that a name is no knob, and which knob was probably meant.

python py/graph/unknown_knob.py RECIEPE --files Makefile configs/demo.mk
"""

import argparse
import difflib
import re
from pathlib import Path


def nearest(name: str, knobs: list[str]) -> str:
    """A sentence about ``name``, with the nearest of ``knobs``."""
    close = difflib.get_close_matches(name.upper(), knobs, 1, 0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{name} is no knob; {hint}'make help' lists all"


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("names", nargs="+", help="what was given")
    parser.add_argument("--files", nargs="+", type=Path, required=True, help="where the knobs stand")
    args = parser.parse_args()
    texts = "".join(path.read_text() for path in args.files)
    knobs = re.findall(r"^([A-Za-z0-9_.-]+) \?=", texts, re.MULTILINE)
    print("; ".join(nearest(name, knobs) for name in args.names))


if __name__ == "__main__":
    main()
