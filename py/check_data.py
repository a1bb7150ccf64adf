"""Say what is wrong with your own data, all of it at once, before anything is made from it.

    python py/check_data.py --seed data/demo/seed/mgm_pretrain_demo.jsonl --stage1 none \\
        --finetune_data data/demo/finetune/mgm_instruction_demo.json --output check-data.jsonl

Each file gets a summary and the first 20 findings of each kind; ``--output`` gets them all, one JSON object a
line. Warnings are worth a look; any fault makes the exit status 1.
"""

import argparse
from pathlib import Path

import cli
from data_checks.findings import Finding, Findings, verdict
from errors import BadInput
from json_files import atomic_write
from stage1 import NONE
from workers import Workers

MAX_LENGTH = 2048  # official model_max_length


def ruler_of(args: argparse.Namespace) -> object | None:
    """What measures samples in tokens, if the models that it needs are there."""
    needed = [folder / "config.json" for folder in (args.llm, args.vision_tower) if folder]
    if len(needed) < 2 or not all(path.is_file() for path in needed):
        print("no tokenizer here (make models): whether a sample is longer than 2,048 tokens is not checked")
        return None
    from data_checks.samples import Ruler

    return Ruler(args.llm, args.vision_tower, MAX_LENGTH, args.cut_long_samples == "True")


def there(knob: str, path: Path | None, findings: Findings) -> bool:
    """Whether ``path`` is given and there; if it is given and not there, that is a fault."""
    kind = "folder" if knob == "EVAL_DATA" else "file"
    if path is None or (path.is_dir() if kind == "folder" else path.is_file()):
        return path is not None
    remedy = "make data" if knob != "STAGE1" else "take the official questions: STAGE1=none"
    findings.add([Finding(str(path), None, None, f"no such {kind}; correct {knob}, or {remedy}")])
    findings.tell(knob, path, "")
    return False


def check_all(args: argparse.Namespace, findings: Findings) -> None:
    """Check what is given; each module is imported where it is needed, for some take seconds."""
    if args.recipe and there("RECIPE", args.recipe, findings):
        from data_checks.recipe import check_recipe

        check_recipe(args.recipe, findings)
    ruler = ruler_of(args) if args.seed or args.finetune_data else None
    with Workers(args.np) as workers:
        if args.seed or args.stage1:
            check_pretraining(args, findings, workers, ruler)
        if args.finetune_data and there("FINETUNE_DATA", args.finetune_data, findings):
            from data_checks.finetune import check_finetune

            check_finetune(args.finetune_data, findings, workers, ruler, args.store)
        if args.eval_data and there("EVAL_DATA", args.eval_data, findings):
            from data_checks.mmbench import check_mmbench
            from data_checks.textvqa import check_textvqa

            check_textvqa(args.eval_data / "textvqa", findings, workers)
            check_mmbench(args.eval_data / "mmbench", findings, workers)


def check_pretraining(args: argparse.Namespace, findings: Findings, workers: Workers, ruler: object) -> None:
    """The seed and its questions."""
    from data_checks.seed import check_seed, check_stage1

    own = args.stage1 in (None, NONE, args.seed)
    questions = None
    if not own and there("STAGE1", args.stage1, findings):
        questions = check_stage1(args.stage1, findings)
    if there("SEED", args.seed, findings):
        check_seed(args.seed, args.stage1 or NONE, questions, findings, workers, ruler, args.store)


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("--seed", type=Path, help="seed records, Data-Juicer's (.jsonl) or LLaVA's (.json) (default: none)")
    add("--stage1", type=Path, help="file of their questions, or none (default: the seed's own, or official)")
    add("--finetune_data", type=Path, help="finetuning set, LLaVA format (.json) (default: none)")
    add("--eval_data", type=Path, help="folder with textvqa/ and mmbench/ (default: none)")
    add(
        "--recipe",
        type=Path,
        help="Data-Juicer recipe (.yaml); operators of its own are imported, which runs them (default: none)",
    )
    add("--llm", type=Path, help="folder with the tokenizer (default: lengths are not checked)")
    add("--vision_tower", type=Path, help="CLIP folder, for the tokens of an image (default: official)")
    add("--cut_long_samples", choices=("True", "False"), default="False", help="default: False, name them")
    add("--store", type=Path, help="SQLite file: images decoded before (default: none)")
    add("--np", type=int, help="processes (default: one a core)")
    add("--output", required=True, type=Path, help="all findings (jsonl)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if not any((args.seed, args.stage1, args.finetune_data, args.eval_data, args.recipe)):
        raise BadInput("nothing to check: give --seed, --finetune_data, --eval_data or --recipe")
    with atomic_write(args.output) as file:
        findings = Findings(file)
        check_all(args, findings)
    found = verdict(findings.faults, findings.warnings)
    if findings.faults:
        raise BadInput(f"{found}; see above, all are in {args.output}")
    print(f"{found}{f'; all are in {args.output}' if findings.warnings else ''}")


if __name__ == "__main__":
    cli.run(main)
