"""Write the Markdown table of a leaderboard: a row per recipe or control, and what a score is worth.

Chance, and runs whose images were blanked (``make text-only``), stand on top; with the demo's true
captions, the share of right facts in the captions that each recipe was pretrained on stands beside its
scores.

    python py/tabulate_runs.py --leaderboard runs/demo/leaderboard.json --output table.md \\
        --textvqa_questions data/demo/eval/textvqa/llava_textvqa_val_v051_ocr.jsonl \\
        --mmbench_tsv data/demo/eval/mmbench/mmbench_dev_20230712.tsv
"""

from pathlib import Path
from statistics import fmean

import numpy as np

import cli
from json_files import atomic_write, read_json
from leaderboard.estimates import score
from leaderboard.run_files import read_scores
from leaderboard.runs import read_run
from mmbench_table import CIRCULAR_STEP
from questions import OCR_MARK, read_mmbench, read_textvqa
from world.count_facts import count_facts

TESTS = ("textvqa", "mmbench")
LABELS = {
    "no_pretraining": "no pretraining",
    "shuffled": "clean captions, shuffled among the images",
    "clean": "clean captions",
}


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


def blanked(leaderboard: Path, entry: dict) -> list[str]:
    """The cells of an entry's runs asked with blank images; empty where that was not done for all of them."""
    runs = [leaderboard.parent / name / "blank" for name in entry["experiments"]]
    if not runs or not all((run / "results.json").is_file() for run in runs):
        return []
    label = f"`{entry['recipe']}`, asked with the image blanked"
    scores = [score(scores_of([run / "eval" / test / "score.json" for run in runs])) for test in TESTS]
    return [label, *(cell(*found) for found in scores), "", "", "–", str(len(runs))]


def scores_of(paths: list[Path]) -> np.ndarray:
    """Scores (runs, questions) of some score.json files."""
    rows = [read_scores(path) for path in paths]
    return np.array([[row[question] for question in sorted(rows[0])] for row in rows])


def cell(mean: float, interval: list[float] | None = None, digits: int = 1) -> str:
    """``61.2 (58.0–64.1)``: a mean and its 95 % interval."""
    return f"{mean:.{digits}f}" + (
        f" ({interval[0]:.{digits}f}–{interval[1]:.{digits}f})" if interval else ""
    )


def row_of(leaderboard: Path, entry: dict, clean: Path | None) -> list[str]:
    """The cells of a recipe or control."""
    name, ratio = entry["recipe"], entry["ratio"] or {"mean": None}
    scores = [cell(entry[test]["accuracy"], entry[test]["ci95"]) for test in TESTS]
    times = "–" if ratio["mean"] is None else cell(ratio["mean"], ratio["ci95"], 2)
    verdicts = [(entry[test]["vs_baseline"] or {}).get("verdict", "") for test in TESTS]
    words = verdicts[0] if len(set(verdicts)) == 1 else " / ".join(verdicts)
    return [
        LABELS.get(name, f"recipe `{name}`"),
        *scores,
        times,
        words,
        facts(leaderboard, entry, clean),
        str(len(entry["random_seeds"])),
    ]


def facts(leaderboard: Path, entry: dict, clean: Path | None) -> str:
    """Percent of the true captions' facts in those trained on; a dash where none were."""
    if not clean or not entry["data"]:
        return "–"
    folders = {
        read_run(entry["recipe"], seed, leaderboard.parent / name).synthesis
        for seed, name in zip(entry["random_seeds"], entry["experiments"], strict=True)
    }
    return cell(fmean(count_facts(clean, folder)["after"] for folder in sorted(folders)))


def table(leaderboard: Path, chance: dict[str, float], clean: Path | None = None) -> str:
    """The Markdown table; ``chance`` holds percent by test."""
    rows = [
        ["condition", "TextVQA %", "MMBench %", "score ÷ `seed`'s", "against `seed`", "facts right %", "runs"]
    ]
    rows.append(["chance", *(cell(chance[test]) for test in TESTS), "", "", "", ""])
    board = [entry for entry in read_json(leaderboard) if entry["random_seeds"]]
    rows += [cells for entry in board if (cells := blanked(leaderboard, entry))]
    rows += [row_of(leaderboard, entry, clean) for entry in board]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---|---:|---:|---:|---|---:|---:|", *lines[1:], ""])


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--leaderboard", type=Path, required=True, help="leaderboard.json, its runs beside it"
    )
    parser.add_argument("--textvqa_questions", type=Path, required=True, help="question file, for chance")
    parser.add_argument("--mmbench_tsv", type=Path, required=True, help="question file, for chance")
    parser.add_argument(
        "--clean", type=Path, help="true captions (controls/clean.jsonl); off: facts are a dash"
    )
    parser.add_argument("--output", type=Path, required=True, help="the .md to write")
    args = parser.parse_args()
    chance = {"textvqa": chance_textvqa(args.textvqa_questions), "mmbench": chance_mmbench(args.mmbench_tsv)}
    text = table(args.leaderboard, chance, args.clean)
    with atomic_write(args.output) as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    cli.run(main)
