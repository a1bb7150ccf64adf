"""Say which stages would run, and why; nothing is run.

    make -n DESCRIBE=yes results | python py/graph/plan.py

prints ``run TARGET: what changed, old → new`` per stage in order, or ``up to date``. ``--marks``: only the
marks of these stages, for the Makefile; new times of files of old content are kept. ``--why``: the chain from
a target to the change that makes it out of date, or what it was made from.
"""

import sys
import time
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from graph import marks
from graph.changes import judge, locked_versions
from graph.stages import Stage, described

SHOWN = 3
LATEST = 2**40  # seconds since 1970; the calendar ends somewhere behind
IF_DIFFERENT = ", if different"


def to_run(stages: list[Stage], renew: bool) -> dict[str, list[str]]:
    """Mark → reasons, of each stage that runs or may: an input that runs again may come out the same."""
    versions, found, coming = locked_versions(), {}, ()
    targets = {stage.mark: stage.target for stage in stages}
    for stage in stages:
        reasons = list(judge(stage, versions, coming, renew).reasons)
        ahead = [targets[mark] for mark in stage.inputs if mark in found]
        if ahead and not reasons:
            reasons = [", ".join(ahead) + IF_DIFFERENT]
        if reasons:
            found[stage.mark] = reasons
            coming += tuple(output.path for output in stage.outputs)
    return found


def words(reasons: list[str]) -> str:
    """The first `SHOWN` of ``reasons``, and how many more there are."""
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return ", ".join(reasons[:SHOWN]) + more


def find(stages: list[Stage], target: str) -> Stage:
    """The stage that makes ``target``: a path, with or without its folder, or the name of a stage."""
    path = target.removeprefix("./").rstrip("/")
    for stage in reversed(stages):
        for output in stage.outputs:
            inside = output.path.removeprefix(f"{stage.folder}/")
            names = (output.path, inside, PurePosixPath(inside).name, stage.name, stage.mark)
            if path in names or path.startswith(f"{output.path}/"):
                return stage
    known = ", ".join(dict.fromkeys(stage.name for stage in stages))
    raise BadInput(f"TARGET={target}: made by no stage here; there are {known} (another EXP? another GOAL?)")


def why_run(stage: Stage, stages: list[Stage], found: dict[str, list[str]]) -> list[str]:
    """The chain from ``stage`` up to the change, a line each."""
    by_mark, lines = {stage.mark: stage for stage in stages}, [f"{stage.target} would be made again"]
    while True:
        ahead = [mark for mark in stage.inputs if mark in found]
        if not ahead or not found[stage.mark][0].endswith(IF_DIFFERENT):
            return [*lines, *(f"  because of {reason}" for reason in found[stage.mark])]
        stage = by_mark[ahead[0]]
        lines.append(f"  from {stage.target}")


def made_from(stage: Stage) -> list[str]:
    """What a current ``stage`` was made from, a line each."""
    made = marks.read(stage.mark)
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(min(max(made["started"], 0), LATEST)))
    lines = [f"{stage.target} is up to date; it was made on {day} in {made['seconds']} s from"]
    lines += [f"  knob {name}={value}" for name, value in made["knobs"].items()]
    lines += [f"  what {label} made: {digest[:12]}" for label, digest in made["inputs"].items()]
    lines += [f"  {path}: {entry[3][:12]}" for path, entry in made["reads"].items()]
    roots = made["packages"]["roots"]
    lines += [f"  package {name} {made['packages']['versions'].get(name, '?')}" for name in roots]
    if roots:
        lines.append(f"  and the {len(made['packages']['versions']) - len(roots)} packages that these need")
    return [*lines, f"and is {made['outputs']['files']} files, {made['outputs']['bytes']:,} bytes"]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--marks", action="store_true", help="marks alone, new times kept (default: words)")
    parser.add_argument("--why", metavar="TARGET", help="explain one target (default: all that would run)")
    args = parser.parse_args()
    stages = described(sys.stdin)
    found = to_run(stages, renew=args.marks)
    if args.marks:
        print(" ".join(found))
    elif args.why is not None:
        stage = find(stages, args.why)
        print("\n".join(why_run(stage, stages, found) if stage.mark in found else made_from(stage)))
    elif found:
        targets = {stage.mark: stage.target for stage in stages}
        print("\n".join(f"run {targets[mark]}: {words(reasons)}" for mark, reasons in found.items()))
    elif stages:
        print("up to date")


if __name__ == "__main__":
    cli.run(main)
