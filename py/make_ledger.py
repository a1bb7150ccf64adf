"""Compare seed, trace and export of a Data-Juicer run: what became of every seed record.

Writes ledger.jsonl (one line per seed id), synth.jsonl (what was selected; both in the seed's order, repeats
in further rounds; image paths relative to the file) and, last, synth.summary.json. Data-Juicer can end with
status 0 after losing records to an error; so this fails unless every record is accounted for: still there,
dropped by an operator that may drop and, if it is a filter, with the statistic it judged by, or left out as
bad, with the reason.

    python py/make_ledger.py --work work --output synth.jsonl --ledger ledger.jsonl
"""

import argparse
import gc
import json
from pathlib import Path

import cli
from errors import BadInput
from fates import check_sum, ledger_lines, summary_of, synth_lines
from follow_run import add_export, follow, read_fates, read_left_out
from json_files import write_json, write_jsonl
from misfits import refuse_misfit
from recipe_file import read_recipe, steps_in
from run_trace import thresholds_of


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of the run")
    parser.add_argument("--output", required=True, type=Path, help="synth.jsonl to write")
    parser.add_argument("--ledger", required=True, type=Path, help="ledger.jsonl to write")
    parser.add_argument(
        "--max_bad_records", type=float, default=0.01, help="most that may be bad, as a share (default: 0.01)"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    gc.disable()  # nothing here forms cycles; looking for them among all records takes an eighth of the time
    recipe = args.work / "recipe.yaml"
    process = steps_in(read_recipe(recipe), recipe)
    try:
        fates, left_out = read_fates(args.work / "seed.jsonl"), read_left_out(args.work / "left_out.jsonl")
        seen, funnel = follow(fates, args.work, process)
        add_export(fates, args.work, seen)
    except BadInput:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        refuse_misfit(args.work, process)
        raise
    summary = summary_of(fates, len(left_out)) | {"steps": funnel, "thresholds": thresholds_of(process)}
    check_sum(summary, args.max_bad_records)
    stamp = args.output.with_suffix(".summary.json")
    stamp.unlink(missing_ok=True)
    write_jsonl(args.ledger, ledger_lines(fates, left_out))
    write_jsonl(args.output, synth_lines(fates, args.output.parent))
    write_json(stamp, summary)
    print(f"make_ledger.py: {args.output}: {json.dumps(summary)}")


if __name__ == "__main__":
    cli.run(main)
