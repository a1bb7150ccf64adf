"""Turn a recipe of configs/recipes into the Data-Juicer configuration of one run.

Puts values for ${CAPTIONER}, ${SIMILARITY_MODEL}, ${BUDGET}, ${BATCH_SIZE} and ${RANDOM_SEED}, adds the paths
and settings of every run (errors are fatal, no cache), lets each filter export its statistics and puts a
`ledger_mapper` behind every operator. Data-Juicer still gets a plain recipe of its own format.

    python py/fill_recipe.py --recipe configs/recipes/recaption.yaml --seed seed.jsonl --work W \\
        --captioner models/demo/blip2-opt-2.7b
"""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

import cli
import records

OPS = Path(__file__).resolve().parent / "ops"


def filled(value: Any, values: dict[str, Any], recipe: Path) -> Any:
    """Replace ${NAME} in every string under ``value``; a string that is one placeholder becomes its value."""
    if isinstance(value, dict):
        return {key: filled(item, values, recipe) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values, recipe) for item in value]
    if not isinstance(value, str):
        return value
    for name in re.findall(r"\$\{(\w+)\}", value):
        if values.get(name) is None:
            raise records.BadInput(f"{recipe}: ${{{name}}} has no value; give synth.sh --{name.lower()}")
        if value == f"${{{name}}}":
            return values[name]
        value = value.replace(f"${{{name}}}", str(values[name]))
    return value


def check_repeated(process: list[dict], recipe: Path) -> None:
    """Data-Juicer 1.6.1 lets an operator inherit what it isn't given from an earlier one of the same name."""
    keys: dict[str, set] = {}
    for step in process:
        [(name, arguments)] = step.items()
        if keys.setdefault(name, set(arguments)) != set(arguments):
            raise records.BadInput(
                f"{recipe}: {name} stands twice with different arguments; Data-Juicer would let the later "
                f"one inherit the missing ones; give both {sorted(keys[name] | set(arguments))}"
            )


def _is_step(step: Any) -> bool:
    """One operator's name, with a mapping of arguments or nothing."""
    return (
        isinstance(step, dict)
        and len(step) == 1
        and all(arguments is None or isinstance(arguments, dict) for arguments in step.values())
    )


def _ledger(work: Path, number: int, last: bool) -> dict:
    return {"ledger_mapper": {"path": str(work / f"trace.{number}"), "last": last}}


def run_config(recipe: Path, values: dict[str, Any], seed: Path, work: Path, processes: int) -> dict:
    """The Data-Juicer configuration for ``recipe``: read ``seed``, write under ``work``."""
    try:
        config = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise records.BadInput(f"{recipe}: not valid YAML ({reason}); mend it") from error
    steps = config.get("process") if isinstance(config, dict) else None
    if not isinstance(steps, list) or not all(_is_step(step) for step in steps):
        raise records.BadInput(f"{recipe}: 'process' must be a list of operators, as in recaption.yaml")
    if config.get("skip_op_error"):
        raise records.BadInput(f"{recipe}: skip_op_error would drop records silently; remove it")
    steps = [{name: dict(arguments or {})} for step in steps for name, arguments in step.items()]
    check_repeated(steps, recipe)
    own = config.get("custom_operator_paths") or []  # relative to the recipe
    # `datasets` starts a pool for num_proc 1, so that every operator would import and load its model in a new
    # process; 0 stays in this one. Given per operator, for Data-Juicer's own `np` must be positive.
    num_proc = processes if processes > 1 else 0
    process = [_ledger(work, 0, last=not steps)]
    for number, step in enumerate(filled(steps, values, recipe), start=1):
        for name, arguments in step.items():
            arguments.setdefault("num_proc", num_proc)
            if name.endswith("_filter"):
                arguments["stats_export_path"] = str(work / f"stats.{number}.jsonl")
        process += [step, _ledger(work, number, last=number == len(steps))]
    run = {
        "dataset_path": str(seed),
        "export_path": str(work / "export.jsonl"),
        "work_dir": str(work / "data_juicer"),
        "custom_operator_paths": [str(OPS), *(str(recipe.parent / path) for path in own)],
        "np": processes,
        "auto_op_parallelism": False,
        "skip_op_error": False,
        "use_cache": False,
        "open_tracer": False,
    }
    return {**config, **run, "process": process}


def models_used(recipe: Path, captioner: Path | None, similarity_model: Path | None) -> dict[str, str]:
    """{placeholder: absolute folder} for the models that ``recipe`` names; the others needn't exist."""
    text = recipe.read_text(encoding="utf-8")
    folders = {"CAPTIONER": captioner, "SIMILARITY_MODEL": similarity_model}
    used = {name: folder for name, folder in folders.items() if folder and f"${{{name}}}" in text}
    for name, folder in used.items():
        if not (folder / "config.json").is_file():
            raise records.BadInput(f"--{name.lower()}: {folder} has no config.json; make or fetch it first")
    return {name: str(folder.resolve()) for name, folder in used.items()}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path, help="recipe with placeholders (yaml)")
    parser.add_argument("--seed", required=True, type=Path, help="records from check_seed.py (jsonl)")
    parser.add_argument("--work", required=True, type=Path, help="folder of the run; gets recipe.yaml")
    parser.add_argument("--captioner", type=Path, help="folder of BLIP-2")
    parser.add_argument("--similarity_model", type=Path, help="folder of CLIP")
    parser.add_argument("--budget", type=int, help="records wanted (default: half of the seed)")
    parser.add_argument("--np", type=int, default=1, help="processes of Data-Juicer (default: 1)")
    parser.add_argument("--batch_size", type=int, default=1000, help="records per call (default: 1000)")
    parser.add_argument("--random_seed", type=int, default=1024, help="for random operators (default: 1024)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    models = models_used(args.recipe, args.captioner, args.similarity_model)
    budget = args.budget
    if budget is None:
        with args.seed.open("rb") as file:
            budget = max(sum(1 for _ in file) // 2, 1)
    values = {**models, "BUDGET": budget, "BATCH_SIZE": args.batch_size, "RANDOM_SEED": args.random_seed}
    config = run_config(args.recipe, values, args.seed, args.work.resolve(), args.np)
    with records.atomic_write(args.work / "recipe.yaml") as file:
        yaml.safe_dump(config, file, allow_unicode=True, sort_keys=False)


if __name__ == "__main__":
    cli.run(main)
