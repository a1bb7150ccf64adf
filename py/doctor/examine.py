"""Check this machine for what a profile needs, before anything is downloaded or trained: a line a finding.

python3 py/doctor/examine.py --data data/demo --models models/demo --runs runs/demo --deepspeed_config none

Standard library alone, so that it runs before .venv is there. Exit status 1 if there is any error.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - said here, where an old Python still understands every line
    found = f"this is {sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"error    python           {found} → install python3.11 and python3.11-venv")

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from doctor import compiler, disk, gpu_state, gpus, hosts, limits, network, resources, servers, system, tree
from doctor.finding import Finding, warning
from doctor.probes import Machine
from doctor.wanted import Wanted, add_knobs

# What is quick comes first, the build of the optimizer last.
TOPICS = (system, resources, limits, disk, tree, network, servers, gpus, gpu_state, hosts, compiler)


def examine(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Every finding of every check; a check that does not understand its machine is a finding too."""
    for topic in TOPICS:
        for check in topic.CHECKS:
            try:
                yield from check(machine, wanted)
            except (OSError, ValueError, LookupError, TypeError) as fault:
                name = check.__name__.replace("_", " ")
                found = f"could not be checked: {type(fault).__name__}: {fault}"
                yield warning(name, found, "look at it by hand")


def parse() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    add_knobs(parser)
    parser.add_argument(
        "--source", action="append", default=[], metavar="NAME=SOURCE…", help="to fetch (default: none)"
    )
    knobs = "of a stage; commands need not repeat it (default: all are repeated)"
    parser.add_argument("--knob", dest="knobs", action="append", default=[], metavar="NAME=VALUE", help=knobs)
    parser.add_argument(
        "--no-build", dest="build", action="store_false", help="compile nothing (default: do)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object (default: a line a finding)")
    return parser.parse_args()


def main() -> None:
    args = vars(parse())
    as_json = args.pop("json")
    wanted = Wanted(**args | {name: tuple(args[name]) for name in ("source", "knobs")})
    findings = []
    for finding in examine(Machine(Path.cwd(), os.environ), wanted):
        findings.append(finding)
        if not as_json:
            print(finding.line(), flush=True)
    counts = {level: sum(finding.level == level for finding in findings) for level in ("warning", "error")}
    if as_json:
        report = {"profile": wanted.profile, "errors": counts["error"], "warnings": counts["warning"]}
        report["findings"] = [finding._asdict() for finding in findings]
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        print(f"PROFILE={wanted.profile}: {counts['error']} errors, {counts['warning']} warnings")
    sys.exit(1 if counts["error"] else 0)


if __name__ == "__main__":
    cli.run(main)
