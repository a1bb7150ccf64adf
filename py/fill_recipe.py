"""Turn a recipe of configs/recipes into the Data-Juicer configuration of one run.

Puts values for ${CAPTIONER}, ${SIMILARITY_MODEL}, ${MATCHING_MODEL}, ${BUDGET} and ${RANDOM_SEED}, adds the
paths and settings of every run (errors are fatal or dropped by name, no cache, the store of answers), lets
each filter export its statistics and puts a `ledger_pipeline` behind every operator. Data-Juicer still gets a
plain recipe of its own format.

    python py/fill_recipe.py --recipe configs/recipes/recaption.yaml --seed work/seed.jsonl --work work \\
        --captioner models/demo/blip2-opt-2.7b --store data/store.sqlite
"""

import argparse
from pathlib import Path
from typing import Any

import yaml

import cli
from json_files import atomic_write
from placeholders import MODELS, filled, models_used
from recipe_file import read_steps

OPS = Path(__file__).resolve().parent / "ops"
# Our operators that keep their answers in the store, and those that write a report for the ledger.
STORED = (
    "blip2_caption_mapper",
    "blip_image_text_matching_filter",
    "clip_best_caption_mapper",
    "clip_cluster_mapper",
    "clip_image_text_similarity_filter",
    "clip_near_duplicate_deduplicator",
    "rapidocr_mapper",
)
REPORTING = ("clip_near_duplicate_deduplicator", "threshold_selector")


def add_run_arguments(steps: list[dict], args: argparse.Namespace, work: Path) -> None:
    """Give each operator what the run decides: processes, the store, files for the ledger."""
    # `datasets` starts a pool for num_proc 1, so that every operator would import and load its model in a new
    # process; 0 stays in this one. Given per operator, for Data-Juicer's own `np` must be positive.
    num_proc = args.np if args.np > 1 or args.executor == "ray" else 0
    for number, step in enumerate(steps, start=1):
        for name, arguments in step.items():
            arguments.setdefault("num_proc", num_proc)
            if name in STORED:
                arguments |= {"store": str(args.store.resolve()) if args.store else ""}
                arguments.setdefault("batch_size", args.batch_size)
            if name in REPORTING:
                arguments["report"] = str(work / f"report.{number}.json")
            # Ours drop nothing without a limit, so that what a filter dropped need not be looked up.
            if name.endswith("_filter") and not (
                name in STORED and not {"min_value", "max_value"} & {*arguments}
            ):
                arguments["stats_export_path"] = str(work / f"stats.{number}.jsonl")
            if args.executor == "ray":
                variables = {"PYTHONPATH": str(OPS.parent), "SYNTH_BAD_RECORDS": str(work / "bad")}
                arguments["runtime_env"] = {"env_vars": variables}


def _ledger(work: Path, number: int, last: bool) -> dict:
    return {"ledger_pipeline": {"path": str(work / f"trace.{number}"), "last": last}}


def run_config(args: argparse.Namespace, values: dict[str, Any]) -> dict:
    """The Data-Juicer configuration for ``args.recipe``: read ``args.seed``, write under ``args.work``."""
    work, (config, steps) = args.work.resolve(), read_steps(args.recipe)
    steps = filled(steps, values, args.recipe)
    add_run_arguments(steps, args, work)
    process = [_ledger(work, 0, last=not steps)]
    for number, step in enumerate(steps, start=1):
        process += [step, _ledger(work, number, last=number == len(steps))]
    own = config.get("custom_operator_paths") or []  # relative to the recipe
    run = {
        # Not as `dataset_path`, for which Data-Juicer would spend 40 µs a record on paths that are absolute.
        "dataset": {"configs": [{"type": "local", "path": str(args.seed.resolve())}]},
        "export_path": str(work / "export.jsonl"),
        "work_dir": str(work / "data_juicer"),
        "custom_operator_paths": [str(OPS), *(str(args.recipe.parent / path) for path in own)],
        "executor_type": args.executor,
        "np": args.np,
        "auto_op_parallelism": False,
        "skip_op_error": args.on_bad_record == "drop",
        "use_cache": False,
        "open_tracer": False,
    }
    if args.executor == "ray":
        run["ray_address"] = args.ray_address
    return {**config, **run, "process": process}


def parse_args() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("--recipe", required=True, type=Path, help="recipe with placeholders (yaml)")
    add("--seed", required=True, type=Path, help="records from check_seed.py (jsonl)")
    add("--work", required=True, type=Path, help="folder of the run; gets recipe.yaml")
    add("--captioner", type=Path, help="folder of BLIP-2 (default: none, for recipes without it)")
    add("--similarity_model", type=Path, help="folder of CLIP (default: none)")
    add("--matching_model", type=Path, help="folder of BLIP with its matching head (default: none)")
    add("--store", type=Path, help="SQLite file with models' answers (default: none, compute all)")
    add("--budget", type=int, help="records wanted (default: half of the seed)")
    add("--np", type=int, default=1, help="processes of Data-Juicer (default: 1)")
    add("--batch_size", type=int, default=256, help="records per call of a model's operator (default: 256)")
    add("--random_seed", type=int, default=1024, help="for random operators (default: 1024)")
    add("--on_bad_record", choices=("fail", "drop"), default="fail", help="drop: leave out (default: fail)")
    add("--executor", choices=("default", "ray"), default="default", help="default: this process")
    add("--ray_address", default="local", help="of a Ray cluster (default: local, one is started here)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    values = models_used(args.recipe, {name: getattr(args, name.lower()) for name in MODELS})
    budget = args.budget
    if budget is None:
        with args.seed.open("rb") as file:
            budget = max(sum(1 for _ in file) // 2, 1)
    config = run_config(args, {**values, "BUDGET": budget, "RANDOM_SEED": args.random_seed})
    with atomic_write(args.work / "recipe.yaml") as file:
        yaml.safe_dump(config, file, allow_unicode=True, sort_keys=False)


if __name__ == "__main__":
    cli.run(main)
