"""Write the Markdown table of several runs: a row per condition, mean and spread over seeds, and chance.

With the demo's true captions also the share of right facts in the captions that each run was pretrained on.

    python py/tabulate_runs.py --output table.md --textvqa_questions llava_textvqa_val_v051_ocr.jsonl \\
        --mmbench_tsv mmbench_dev_20230712.tsv "text only=blank/results.json" runs/demo/a/results.json
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from statistics import fmean

import cli
from questions import CIRCULAR_STEP, OCR_MARK, read_mmbench, read_textvqa
from records import BadInput, atomic_write, read_json
from world.count_facts import count_facts

TESTS = ("textvqa", "mmbench")


def chance_textvqa(path: Path) -> float:
    """Percent right when one of the prompt's OCR tokens is drawn at random and one of them is right."""
    shares = []
    for question in read_textvqa(path):
        lines = [line for line in question.prompt.split("\n") if line.startswith(OCR_MARK)]
        listed = ",".join(line.removeprefix(OCR_MARK) for line in lines)
        tokens = [token for token in listed.split(",") if token.strip()]
        shares.append(1 / len(tokens) if tokens else 0.0)
    return 100 * fmean(shares)


def chance_mmbench(path: Path) -> float:
    """Percent right when an option is drawn per variant: in a circular group the product of 1 ÷ options."""
    groups: dict[int, float] = {}
    for question in read_mmbench(path):
        group = question.question_id % CIRCULAR_STEP
        groups[group] = groups.get(group, 1.0) / len(question.options)
    return 100 * fmean(groups.values())


def read_runs(arguments: list[str]) -> dict[str, list[dict]]:
    """``[LABEL=]results.json`` arguments by condition, in given order; the label's default is the recipe."""
    runs: dict[str, list[dict]] = {}
    seen: dict[tuple, str] = {}
    for argument in arguments:
        label, separator, path = argument.partition("=")
        result = read_json(path if separator else argument)
        if not isinstance(result, dict) or not {"recipe", "random_seed", "scores"} <= result.keys():
            raise BadInput(f"{path or argument}: not a results.json; make it again")
        label = label if separator else result["recipe"]
        result["folder"] = Path(path if separator else argument).parent
        key = (label, result["random_seed"])
        if key in seen:
            raise BadInput(f"{argument}: random seed {key[1]} of '{label}' is there, from {seen[key]}")
        seen[key] = argument
        runs.setdefault(label, []).append(result)
    return runs


def cell(values: list[float]) -> str:
    """``61.2 (58.0–64.1)``: mean, smallest and largest; a single value alone; a dash for none."""
    if not values:
        return "–"
    mean = f"{fmean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.1f}–{max(values):.1f})"


def table(runs: dict[str, list[dict]], chance: dict[str, float], clean: Path | None = None) -> str:
    """The Markdown table; ``chance`` holds percent by test, for the tests whose question file was given."""
    rows = [["condition", "TextVQA %", "MMBench %", *(["facts right %"] if clean else []), "runs"]]
    if chance:
        by_chance = [cell([chance[test]] if test in chance else []) for test in TESTS]
        rows.append(["chance", *by_chance, *([""] if clean else []), ""])
    for label, results in runs.items():
        by_test = [[r["scores"][test]["accuracy"] for r in results if test in r["scores"]] for test in TESTS]
        pretrained = [r["folder"] for r in results if clean and (r["folder"] / "ledger.jsonl").exists()]
        facts = [cell([count_facts(clean, run)["after"] for run in pretrained])] if clean else []
        rows.append([label, *map(cell, by_test), *facts, str(len(results))])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|---|{'---:|' * (len(rows[0]) - 1)}", *lines[1:], ""])


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="[LABEL=]results.json", help="runs, rows in this order")
    parser.add_argument("--textvqa_questions", type=Path, help="question file, for chance; off: a dash")
    parser.add_argument("--mmbench_tsv", type=Path, help="question file, for chance; off: a dash")
    parser.add_argument(
        "--clean", type=Path, help="true captions (controls/clean.jsonl), for facts; off: none"
    )
    parser.add_argument("--output", type=Path, help="the .md to write; off: print only")
    args = parser.parse_args()
    chance = {}
    if args.textvqa_questions:
        chance["textvqa"] = chance_textvqa(args.textvqa_questions)
    if args.mmbench_tsv:
        chance["mmbench"] = chance_mmbench(args.mmbench_tsv)
    text = table(read_runs(args.results), chance, args.clean)
    if args.output:
        with atomic_write(args.output) as file:
            file.write(text)
    print(text, end="")


if __name__ == "__main__":
    cli.run(main)
