"""The share of right facts in a demo experiment's captions: of its selected records before and after.

Before: the seed's captions of the records that were selected; after: those that they were selected with.
Each line of synth.jsonl counts, so a repeated record counts as often as it is trained on.

    python py/world/count_facts.py --clean data/demo/controls/clean.jsonl --run runs/demo/default
"""

import json
import sys
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cli
from errors import BadInput
from json_files import read_jsonl
from record_files import read_records
from records import caption_of
from world.captions import facts_right


def count_facts(clean: Path, run: Path) -> dict[str, float]:
    """{"before", "after"}: percent of the facts of ``clean`` that the captions of ``run`` name."""
    truth = {record.id: caption_of(record.text) for record in read_records(clean)}
    seed = {row["id"]: row["seed_caption"] for _, row in read_jsonl(run / "ledger.jsonl") if row["selected"]}
    before, after = [], []
    for record in read_records(run / "synth.jsonl", unique=False):
        if record.id not in truth:
            raise BadInput(f"{run / 'synth.jsonl'}:{record.line}: id {record.id} is not in {clean}")
        before.append(facts_right(seed[record.id], truth[record.id]))
        after.append(facts_right(caption_of(record.text), truth[record.id]))
    return {name: round(100 * fmean(shares), 1) for name, shares in (("before", before), ("after", after))}


def main() -> None:
    """Print both shares as JSON."""
    parser = cli.parser(__doc__)
    parser.add_argument("--clean", required=True, type=Path, help="the true captions (controls/clean.jsonl)")
    parser.add_argument("--run", required=True, type=Path, help="folder with ledger.jsonl and synth.jsonl")
    args = parser.parse_args()
    print(json.dumps(count_facts(args.clean, args.run)))


if __name__ == "__main__":
    cli.run(main)
