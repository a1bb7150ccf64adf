"""What a start costs: seconds and modules until a stage's script has imported what it works with.

    .venv/bin/python tests/bench/startup.py [--json rows.json] [--repeats 5] [--quick]

Each script is started as its stage starts it and stops after its imports (tests/launches.py); medians. The
shares of libraries are their modules' own seconds by `python -X importtime`, which itself slows imports by a
half. timm, which is imported with the model, and the libraries alone are rows of their own. --quick counts
modules only.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rows import parser_of, row, tell, whole_number

import cli
import launches

LIBRARIES = ("torch", "transformers.modeling_utils", "deepspeed", "timm")
IMPORTED = re.compile(r"import time: +(\d+) \| +\d+ \| +(\w+)")
SHOWN = 6  # libraries of a start


def timed(begin: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU seconds of the process that ``begin`` runs."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    begin()
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(begin: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Medians of `timed`, the first start, which reads from the disk, left out."""
    begin()
    wall, busy = zip(*(timed(begin) for _ in range(repeats)), strict=True)
    return statistics.median(wall), statistics.median(busy)


def shares(messages: str) -> dict[str, float]:
    """Seconds that the largest libraries' own modules took, by ``-X importtime``."""
    seconds: Counter[str] = Counter()
    for microseconds, library in IMPORTED.findall(messages):
        seconds[library] += int(microseconds) / 1e6
    return {library: round(spent, 2) for library, spent in seconds.most_common(SHOWN)}


def start_library(name: str) -> None:
    """Import one library in a process of its own, by the same rules as the stages (mgm/__init__.py)."""
    command = [sys.executable, "-c", f"import mgm.layout, {name}"]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(launches.ROOT / "py")}, check=True)


def measure(repeats: int = 5, quick: bool = False) -> list[dict]:
    """Rows ``modules_LAUNCH``, and unless ``quick`` ``startup_LAUNCH`` and ``import_LIBRARY``."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in launches.LAUNCHES:
            explained = launches.start(name, folder, "-X", "importtime")
            rows.append(row(f"modules_{name}", len(launches.modules_of(explained)), "modules"))
            if quick:
                continue
            wall, busy = medians(lambda name=name: launches.start(name, folder), repeats)
            parts = {"cpu_seconds": round(busy, 2), "imports": shares(explained.stderr)}
            rows.append(row(f"startup_{name}", wall, "s", **parts))
    for name in () if quick else LIBRARIES:
        wall, busy = medians(lambda name=name: start_library(name), repeats)
        rows.append(row(f"import_{name.partition('.')[0]}", wall, "s", cpu_seconds=round(busy, 2)))
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=whole_number, default=5, help="starts of each script (default: 5)")
    parser.add_argument("--quick", action="store_true", help="count modules only")
    args = parser.parse_args()
    tell(measure(args.repeats, args.quick), args.json)


if __name__ == "__main__":
    cli.run(main)
