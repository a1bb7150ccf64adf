"""Check a submission, a zip or the folder that becomes one, and name all its faults at once.

Whoever made it: layout, names, sizes, logs, budget, answers, data, weights (by their headers) and secrets.
Status 0 only without a fault.

    python py/check_submission.py --zip runs/demo/default/submit.zip --profile demo
"""

import os
import sys
from pathlib import Path

import cli
from errors import BadInput
from record_files import read_records
from submission import rules
from submission.check import Report, check
from submission.data import Seed
from submission.faults import Faults
from submission.tree import opened


def read_seed(path: Path) -> Seed:
    """Ids and images of a seed file; its bad records are none of a submission."""
    found = [(record.id, record.image) for record in read_records(path, faults=[])]
    return Seed(frozenset(identity for identity, _ in found), frozenset(image for _, image in found))


def told(path: Path, report: Report, faults: Faults) -> str:
    """What was checked by whose numbers, and how many faults it has."""
    count = f"{faults.count or 'no'} fault{'' if faults.count == 1 else 's'}"
    return f"{path}: {report.layout.name} layout, profile {report.profile}, {count}"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--zip", type=Path, required=True, help="the zip, or a folder")
    parser.add_argument(
        "--profile",
        choices=rules.PROFILES,
        help="whose numbers apply (default: as solution/readme says, else full)",
    )
    parser.add_argument(
        "--seed", type=Path, help="seed file, whose ids and images the data must have (default: any ids)"
    )
    args = parser.parse_args()
    seed, faults = read_seed(args.seed) if args.seed else None, Faults()
    with opened(args.zip) as tree:
        report = check(tree, args.profile, seed, os.environ, faults)
    if faults.count:
        raise BadInput("\n".join([f"{told(args.zip, report, faults)}:", *faults.report()]))
    counts = ", ".join(f"{count:,} {name}" for name, count in report.counts.items() if count)
    print(f"check_submission.py: {told(args.zip, report, faults)}: {counts}")
    if not rules.PROFILES[report.profile].official:
        print(
            f"check_submission.py: {args.zip}: profile {report.profile} is {rules.NOT_SUBMITTABLE}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    cli.run(main)
