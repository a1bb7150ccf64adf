"""Say that a name is no knob, and which knob was probably meant.

python py/graph/unknown_knob.py RECIEPE -- Makefile configs/demo.mk
"""

import difflib
import re
import sys
from pathlib import Path


def nearest(name: str, knobs: list[str]) -> str:
    """A sentence about ``name``, with the nearest of ``knobs``."""
    close = difflib.get_close_matches(name.upper(), knobs, 1, 0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{name} is no knob; {hint}'make help' lists all"


def main() -> None:
    divide = sys.argv.index("--")
    texts = "".join(Path(path).read_text() for path in sys.argv[divide + 1 :])
    knobs = re.findall(r"^([A-Za-z0-9_.-]+) \?=", texts, re.MULTILINE)
    print("; ".join(nearest(name, knobs) for name in sys.argv[1:divide]))


if __name__ == "__main__":
    main()
