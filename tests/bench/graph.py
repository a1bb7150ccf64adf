"""What make costs where nothing is to be done: 50 experiments built, and a data set of 400,000 images.

    .venv/bin/python tests/bench/graph.py [--experiments 50] [--images 400000] [--repeats 5]

Builds a small copy of the project in a temporary folder (minutes), then prints medians in seconds.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from builds import Build

TARGETS = {"results": 1.0, "plan": 2.0}


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=50, help="experiments built (default: 50)")
    parser.add_argument("--images", type=int, default=400_000, help="files in the seed set (default: 400000)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="runs, of which the median counts (default: 5)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build = build_all(Path(folder, "project"), args.experiments, args.images)
        every = " ".join(f"e{number}" for number in range(args.experiments))
        print(f"{args.experiments} experiments, {args.images:,} images; medians of {args.repeats}, seconds")
        for goal, target in TARGETS.items():
            one, all_of_them = (seconds(build, goal, names, args.repeats) for names in ("e0", every))
            print(f"make {goal}: {one:.2f} for one experiment (target ≤ {target}), {all_of_them:.2f} for all")


if __name__ == "__main__":
    main()
