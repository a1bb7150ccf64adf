"""Show the disk space that each experiment takes, and what the clean targets would free.

python py/graph/disk_use.py runs/demo --other data/demo models/demo .venv
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from graph.sizes import bytes_of, readable

COLUMNS = ("data", "pretrain", "finetune", "eval", "checkpoints", "whole")
CLEAN_SYNTH = ("synth.jsonl", "ledger.jsonl", "synth.summary.json", "synth.llava.json", "synth.log")


def parts(run: Path) -> dict[str, int]:
    """Column → bytes of an experiment; ``checkpoints`` are those of an unfinished or foreign training."""
    checkpoints = sum(bytes_of(folder) for folder in run.glob("*/checkpoint-*"))
    folders = {name: bytes_of(run / name) for name in ("pretrain", "finetune", "eval")}
    kept = {
        name: size - sum(bytes_of(folder) for folder in (run / name).glob("checkpoint-*"))
        for name, size in folders.items()
    }
    data = sum(bytes_of(run / name) for name in CLEAN_SYNTH)
    return {"data": data, **kept, "checkpoints": checkpoints, "whole": bytes_of(run)}


def table(rows: list[tuple[str, dict[str, int]]]) -> list[str]:
    """Lines of a table with a column per part."""
    width = max(len("experiment"), *(len(name) for name, _ in rows))
    lines = [f"{'experiment':{width}} " + " ".join(f"{column:>11}" for column in COLUMNS)]
    for name, sizes in rows:
        lines.append(f"{name:{width}} " + " ".join(f"{readable(sizes[column]):>11}" for column in COLUMNS))
    return lines


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("runs", type=Path, help="folder of the experiments")
    parser.add_argument("--other", nargs="*", default=[], type=Path, help="shared folders (default: none)")
    args = parser.parse_args()
    runs = sorted(path for path in args.runs.glob("*") if path.is_dir()) if args.runs.is_dir() else []
    rows = [(run.name, parts(run)) for run in runs]
    if rows:
        print("\n".join(table(rows)))
        print("make clean-synth EXP=… frees the column data, make clean-run EXP=… the column whole.")
    else:
        print(f"{args.runs}: no experiment yet")
    for path in args.other:
        print(f"{path}: {readable(bytes_of(path))}")
    together = sum(bytes_of(name) for name in ("data", "models", "runs", ".venv"))
    print(f"make distclean frees {readable(together)}: data, models and runs of all profiles, .venv")


if __name__ == "__main__":
    cli.run(main)
