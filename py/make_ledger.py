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
from collections import Counter
from pathlib import Path

import cli
import run_trace
from errors import BadInput
from fates import Fate, check_sum, ledger_lines, summary_of, synth_lines
from json_files import read_json, read_jsonl, write_json, write_jsonl
from recipe_file import read_recipe, steps_in

MAY_DROP = ("_filter", "_selector", "_deduplicator")


def read_fates(seed: Path) -> dict[str, Fate]:
    """What is known at first: the checked records, by id."""
    return {
        row["id"]: Fate(*require_texts(row["text"], row["images"][0]), row=int(row["seed_row"]))
        for _, row in read_jsonl(seed)
    }


def require_texts(*values: object) -> tuple:
    """``values``; raises `TypeError` where one is no text."""
    if any(type(value) is not str for value in values):
        raise TypeError(f"not all texts: {values!r}"[:200])
    return values


def read_left_out(path: Path) -> list[dict]:
    """Ledger lines, with the seed's line number, of the records that check_seed.py left out."""
    lines = []
    for _, row in read_jsonl(path) if path.exists() else ():
        line = {"id": row["id"], "outcome": "dropped", "op": "check_seed", "stats": {}}
        line |= {"selected": False, "repeated": 0, "seed_caption": None}
        lines.append(line | {"notes": {"error": row["error"], "line": int(row["line"])}})
    return lines


def note_twins(fates: dict[str, Fate], report: Path | None) -> None:
    """Take from a deduplicator's report which record each dropped one resembles."""
    found = read_json(report).get("near_duplicates", {}) if report and report.exists() else {}
    for identity, (of, similarity) in found.items():
        fates[identity].notes["near_duplicate_of"] = of
        fates[identity].stats["near_duplicate_similarity"] = similarity


def check_lost(step: run_trace.Step, lost: list[str], judged: set[str], before: int) -> None:
    """Raise `BadInput` if the operator may not drop the ``lost`` records, or a filter never saw one."""
    may_drop = step.name.endswith(MAY_DROP) and (step.stats or not step.name.endswith("_filter"))
    missing = [identity for identity in lost if step.stats and identity not in judged] if may_drop else lost
    if missing:
        raise BadInput(
            f"{step.label}: {len(missing)} of {before} records went missing, first id {missing[0]}; "
            "the operator failed inside Data-Juicer, see its log"
        )


def follow(fates: dict[str, Fate], work: Path, process: list[dict]) -> tuple[Counter, list[dict]]:
    """Note in ``fates`` what each step did; returns how often each id came out last, and the funnel."""
    seen = Counter(identity for identity, *_ in run_trace.came_out(work, 0))
    if dict(seen) != dict.fromkeys(fates, 1):  # Counter's own comparison takes a second for 400,000
        raise BadInput(f"Data-Juicer read {seen.total()} of {len(fates)} seed records; see its log")
    bad, funnel = run_trace.read_bad(work), []
    for step in run_trace.steps_of(process):
        judged = set()
        for identity, stats in run_trace.exported_stats(step.stats):
            judged.add(identity)
            fates[identity].stats |= stats
        before, seen, changed = seen, Counter(), 0
        for identity, text, stats, meta in run_trace.came_out(work, step.number):
            if identity not in before:
                raise BadInput(f"{step.label}: id {identity} came out but didn't go in; mend the operator")
            seen[identity] += 1
            fate = fates[identity]
            changed += text != (fate.new_text or fate.text)
            fate.stats |= stats
            if meta:
                fate.notes |= run_trace.notes_of(meta)
            fate.new_text = text if text != fate.text else None
        lost = [identity for identity in before if identity not in seen]
        check_lost(step, [identity for identity in lost if identity not in bad], judged, before.total())
        for identity in lost:
            fates[identity].dropped_by = step.label
            if identity in bad:
                fates[identity].notes["error"] = bad[identity]["error"]
        note_twins(fates, step.report)
        funnel.append({"op": step.label, "in": before.total(), "out": seen.total(), "changed": changed})
    return seen, funnel


def add_export(fates: dict[str, Fate], work: Path, expected: Counter) -> None:
    """Note the exported texts; raises `BadInput` unless they are exactly what came out of the last step."""
    for row in run_trace.rows_of(work / "export.jsonl"):
        text, image = require_texts(row["text"], row["images"][0])
        fates[row["id"]].texts.append(text)
        fates[row["id"]].images.append(image)
    exported = Counter({identity: len(fate.texts) for identity, fate in fates.items() if fate.texts})
    if exported != expected:
        raise BadInput(
            f"Data-Juicer exported {exported.total()} records, but {expected.total()} came out of its last "
            "operator; see its log"
        )
    if not exported:
        counts = dict(Counter(fate.dropped_by for fate in fates.values()))
        raise BadInput(f"no record is left, dropped by {counts}; loosen the recipe")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
    ) as error:  # no record of theirs
        reason = f"{type(error).__name__}: {error}"
        raise BadInput(f"{args.work}: not what a run leaves ({reason}); synthesise again") from error
    summary = summary_of(fates, len(left_out)) | {
        "steps": funnel,
        "thresholds": run_trace.thresholds_of(process),
    }
    check_sum(summary, args.max_bad_records)
    stamp = args.output.with_suffix(".summary.json")
    stamp.unlink(missing_ok=True)
    write_jsonl(args.ledger, ledger_lines(fates, left_out))
    write_jsonl(args.output, synth_lines(fates, args.output.parent))
    write_json(stamp, summary)
    print(f"make_ledger.py: {args.output}: {json.dumps(summary)}")


if __name__ == "__main__":
    cli.run(main)
