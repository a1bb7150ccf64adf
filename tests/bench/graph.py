"""What make costs where nothing is to be done: 50 experiments built, and a data set of 400,000 images.

    .venv/bin/python tests/bench/graph.py [--json rows.json] [--experiments 50] [--images 400000]

Builds a small copy of the project in a temporary folder (minutes), then takes medians. The plain case, the
demo alone, is in demo.py.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli
from builds import Build


def add_images(build: Build, count: int) -> None:
    """Let the world's stage make ``count`` further files in the seed set."""
    folder = build.folder / "data/demo/seed/images/more"
    for start in range(0, count, 1000):
        part = folder / f"{start:06d}"
        part.mkdir(parents=True)
        for number in range(start, min(start + 1000, count)):
            (part / f"{number:06d}.jpg").write_bytes(b"%d" % number)
    (build.folder / "data/demo/.make/world.made").unlink()
    described = build.make("-n", "data", DESCRIBE="yes").stdout.splitlines()
    [words] = [line.removeprefix("@stage ") for line in described if "/.make/world " in line]
    command = f".venv/bin/python -SE py/graph/make_stage.py {words} -- true"
    subprocess.run(["bash", "-c", command], cwd=build.folder, check=True, stdout=subprocess.DEVNULL)


def build_all(folder: Path, experiments: int, images: int) -> Build:
    build = Build.new(folder)
    build.make("models", "data")
    add_images(build, images)
    build.make("results", EXP="e0")
    names = [f"e{number}" for number in range(1, experiments)]
    for name in names:
        shutil.copytree(build.run("e0"), build.run(name))
    if names:
        build.make("results", EXP=" ".join(names))
    return build


def seconds(build: Build, goal: str, experiments: str, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        printed = build.make(goal, EXP=experiments).stdout
        taken.append(time.perf_counter() - begun)
        assert "starts" not in printed and (goal == "results" or printed == "up to date\n"), printed[-500:]
    return statistics.median(taken)


def measure(experiments: int = 50, images: int = 400_000, repeats: int = 5) -> list[dict]:
    """Seconds of `make results` and `make plan` for one experiment and for all, with nothing to do."""
    rows, sizes = [], {"experiments": experiments, "images": images}
    with tempfile.TemporaryDirectory() as folder:
        build = build_all(Path(folder, "project"), experiments, images)
        every = " ".join(f"e{number}" for number in range(experiments))
        for goal in ("results", "plan"):
            for which, names in (("one", "e0"), ("all", every)):
                taken = seconds(build, goal, names, repeats)
                rows.append(row(f"large_{goal}_{which}_seconds", taken, "s", **sizes))
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--experiments", type=whole_number, default=50, help="experiments built (default: 50)")
    add("--images", type=whole_number, default=400_000, help="files in the seed set (default: 400000)")
    add("--repeats", type=whole_number, default=5, help="runs, of which the median counts (default: 5)")
    args = parser.parse_args()
    tell(measure(args.experiments, args.images, args.repeats), args.json)


if __name__ == "__main__":
    cli.run(main)
