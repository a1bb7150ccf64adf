"""Gather what a run measured, from what, and how, into ``results.json``; scores are percent.

    python py/collect_results.py --profile demo --experiment default --recipe filter_recaption \\
        --finetune_summary runs/demo/default/finetune/train_summary.json --output results.json \\
        --textvqa runs/demo/default/eval/textvqa/score.json --random_seed 1024 \\
        --mmbench runs/demo/default/eval/mmbench/score.json
"""

import platform
import sys
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cli
from digest import sha256
from errors import BadInput
from intervals import wilson95
from json_files import write_json
from shapes import RESULT, SCORED, read_shaped

PACKAGES = ("torch", "transformers", "deepspeed", "py-data-juicer", "timm", "accelerate", "pillow")
REMEDY = "run its stage again"
SCORE = SCORED | {"accuracy": float, "n": range(1, 10**9), "parse?": str}
DATA = {"seed": int, "selected": int, "unique": int, "synthesised": int, "dropped?": {...: int}}
TRAINING = {"samples": int, "steps": int, "loss": float, "seconds": float}
PROTOCOL = dict.fromkeys(("test", "prompt", "question_file_sha256", "image", "decoding", "dtype"), str)
PROTOCOL |= {"max_new_tokens": int, "batch_size?": int}
BASELINE = RESULT | {"experiment": str, "recipe": str, "inputs?": {...: str}}
COMPARABLE = ("test", "prompt", "question_file_sha256", "decoding", "max_new_tokens", "parse")


def read_score(path: Path) -> tuple[dict, dict]:
    """A test's score with its interval, and the protocol from ``protocol.json`` beside it."""
    score = read_shaped(path, SCORE, REMEDY)
    protocol_path = path.with_name("protocol.json")
    if not protocol_path.is_file():
        raise BadInput(f"{protocol_path}: missing, so the score compares to nothing; run scripts/eval/")
    protocol = read_shaped(protocol_path, PROTOCOL, REMEDY)
    if "parse" in score:
        protocol["parse"] = score["parse"]
    kept = {key: score[key] for key in ("plain_accuracy", "unparsable") if key in score}
    entry = {"accuracy": score["accuracy"], "n": score["n"], "ci95": wilson95(score["accuracy"], score["n"])}
    return entry | kept, protocol


def ratios(scores: dict, baseline: dict) -> dict:
    """Score ÷ baseline score per test, and their mean (the challenge's score); None where a baseline is 0."""
    ratio = {}
    for test, score in scores.items():
        base = baseline[test]["accuracy"]
        ratio[test] = score["accuracy"] / base if base else None
    known = list(ratio.values())
    return ratio | {"mean": None if None in known else sum(known) / len(known)}


def require_comparable(protocol: dict, baseline: dict, path: Path) -> None:
    """Raise `BadInput` where the baseline was measured by another test, prompt, questions or decoding."""
    for test, settings in protocol.items():
        other = baseline.get(test, {})
        differing = [key for key in COMPARABLE if settings.get(key) != other.get(key)]
        if differing:
            told = "; ".join(f"{key} {other.get(key)!r}, here {settings.get(key)!r}" for key in differing)
            raise BadInput(f"{path}: its {test} is not comparable ({told}); evaluate the baseline again")


def require_same_finetuning(inputs: dict, baseline: dict, path: Path) -> None:
    """Raise `BadInput` where the baseline was finetuned on another set."""
    mine, other = inputs.get("finetune_data"), baseline.get("finetune_data")
    if mine != other:
        raise BadInput(f"{path}: its finetuning set is {other}, here {mine}; make the baseline again")


def input_digests(named: list[str]) -> dict[str, str]:
    """``NAME=PATH`` arguments as {name: sha256}."""
    digests = {}
    for argument in named:
        name, separator, path = argument.partition("=")
        if not (name and separator and path) or name in digests:
            raise BadInput(f"--input {argument}: write NAME=PATH, each name once")
        digests[name] = sha256(path)
    return digests


def versions() -> dict[str, str]:
    """Version of Python and of the packages that can change a result, where installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def collect(args: Namespace) -> dict:
    """The contents of results.json."""
    measured = [read_score(path) for path in (args.textvqa, args.mmbench)]
    scores = {protocol["test"]: score for score, protocol in measured}
    protocol = {settings["test"]: settings for _, settings in measured}
    stages = {"pretrain": args.pretrain_summary, "finetune": args.finetune_summary}
    result = {
        "profile": args.profile,
        "experiment": args.experiment,
        "recipe": Path(args.recipe).stem,
        "random_seed": args.random_seed,
        "scores": scores,
        "baseline": None,
        "ratio": None,
        "data": read_shaped(args.synth_summary, DATA, REMEDY) if args.synth_summary else None,
        "training": {stage: path and read_shaped(path, TRAINING, REMEDY) for stage, path in stages.items()},
        "protocol": protocol,
        "inputs": input_digests(args.input),
        "versions": versions(),
    }
    if args.baseline:
        baseline = read_shaped(args.baseline, BASELINE, "make the baseline again")
        require_comparable(protocol, baseline["protocol"], args.baseline)
        if lacking := scores.keys() - baseline["scores"].keys():
            raise BadInput(f"{args.baseline}: scores lacks {min(lacking)}; make the baseline again")
        require_same_finetuning(result["inputs"], baseline.get("inputs", {}), args.baseline)
        result["baseline"] = {key: baseline[key] for key in ("experiment", "recipe", "random_seed", "scores")}
        result["ratio"] = ratios(scores, baseline["scores"])
    return result


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--profile", required=True, help="demo, 10k or full")
    parser.add_argument("--experiment", required=True, help="the run's name, EXP")
    parser.add_argument("--recipe", required=True, help="the recipe's name or .yaml")
    parser.add_argument("--random_seed", type=int, required=True, help="the seed of training")
    parser.add_argument("--synth_summary", type=Path, help="synth.summary.json; off: no data entry")
    parser.add_argument("--pretrain_summary", type=Path, help="train_summary.json; off: not pretrained")
    parser.add_argument("--finetune_summary", type=Path, help="train_summary.json; off: not finetuned")
    parser.add_argument("--textvqa", type=Path, required=True, help="score.json, protocol.json beside it")
    parser.add_argument("--mmbench", type=Path, required=True, help="score.json, protocol.json beside it")
    parser.add_argument("--baseline", type=Path, help="the baseline's results.json; off: no ratio")
    parser.add_argument("--input", action="append", default=[], metavar="NAME=PATH", help="hashed; off: none")
    parser.add_argument("--output", type=Path, required=True, help="results.json")
    args = parser.parse_args()
    result = collect(args)
    for test in (test for test, value in (result["ratio"] or {}).items() if value is None and test != "mean"):
        print(f"collect_results.py: no ratio for {test}: the baseline's score is 0", file=sys.stderr)
    write_json(args.output, result)


if __name__ == "__main__":
    cli.run(main)
