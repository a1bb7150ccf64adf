"""Follow the seed's records through a Data-Juicer run: what became of each."""

from collections import Counter
from pathlib import Path

from errors import BadInput
from fates import Fate
from json_files import read_json, read_jsonl
from run_trace import Step, came_out, exported_stats, notes_of, read_bad, rows_of, steps_of

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


def check_lost(step: Step, lost: list[str], judged: set[str], before: int) -> None:
    """Raise `BadInput` if the operator may not drop the ``lost`` records, or a filter never saw one."""
    may_drop = step.name.endswith(MAY_DROP) and (step.stats or not step.name.endswith("_filter"))
    missing = [identity for identity in lost if step.stats and identity not in judged] if may_drop else lost
    if missing:
        raise BadInput(
            f"{step.label}: {len(missing)} of {before} records went missing, first id {missing[0]}; "
            "the operator failed inside Data-Juicer, see its log"
        )


def take_output(fates: dict[str, Fate], work: Path, step: Step, before: Counter) -> tuple[Counter, int]:
    """Note what came out of ``step``; returns how often each id did, and how many texts it changed."""
    seen, changed = Counter(), 0
    for identity, text, stats, meta in came_out(work, step.number):
        if identity not in before:
            raise BadInput(f"{step.label}: id {identity} came out but didn't go in; mend the operator")
        seen[identity] += 1
        fate = fates[identity]
        changed += text != (fate.new_text or fate.text)
        fate.stats |= stats
        if meta:
            fate.notes |= notes_of(meta)
        fate.new_text = text if text != fate.text else None
    return seen, changed


def follow(fates: dict[str, Fate], work: Path, process: list[dict]) -> tuple[Counter, list[dict]]:
    """Note in ``fates`` what each step did; returns how often each id came out last, and the funnel."""
    seen = Counter(identity for identity, *_ in came_out(work, 0))
    if dict(seen) != dict.fromkeys(fates, 1):  # Counter's own comparison takes a second for 400,000
        raise BadInput(f"Data-Juicer read {seen.total()} of {len(fates)} seed records; see its log")
    bad, funnel = read_bad(work), []
    for step in steps_of(process):
        judged = set()
        for identity, stats in exported_stats(step.stats):
            judged.add(identity)
            fates[identity].stats |= stats
        before = seen
        seen, changed = take_output(fates, work, step, before)
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
    for row in rows_of(work / "export.jsonl"):
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
