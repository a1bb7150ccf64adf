"""Print results.json for a person: scores beside the baseline's, data, time, an honest verdict, what next.

Plain text of 100 columns where the output is not a terminal. Stage seconds come from the graph's marks
``.make/STAGE.made`` beside the file.

    python py/show_results.py runs/demo/default/results.json
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

import cli
from errors import BadInput
from json_files import read_json
from shapes import RESULT, read_shaped

NAMES = {"textvqa": "TextVQA", "textvqa_pure": "TextVQA, no OCR tokens", "mmbench": "MMBench"}
STAGES = ("synth", "convert", "pretrain", "finetune", "textvqa", "mmbench")
RECIPES = Path(__file__).resolve().parent.parent / "configs" / "recipes"


def with_interval(score: dict) -> str:
    """``61.2 [57.0, 65.3]``, percent."""
    low, high = score["ci95"]
    return f"{score['accuracy']:.1f} [{low:.1f}, {high:.1f}]"


def score_table(result: dict) -> Table:
    """One row per test: score and baseline with 95 % intervals, ratio, number of questions."""
    baseline, ratio = result["baseline"], result["ratio"]
    table = Table()
    for heading in ("", "score %, 95 % interval", "baseline", "ratio", "questions"):
        table.add_column(heading, justify="left" if not heading else "right")
    for test, score in result["scores"].items():
        base = with_interval(baseline["scores"][test]) if baseline else "–"
        cells = (with_interval(score), base, number(ratio and ratio[test]), str(score["n"]))
        table.add_row(NAMES.get(test, test), *cells)
    table.add_row("mean ratio", "", "", number(ratio and ratio["mean"]), "")
    return table


def number(value: float | None) -> str:
    """Two decimals, or a dash for what is undefined."""
    return "–" if value is None else f"{value:.2f}"


def data_line(result: dict) -> str:
    """Seed → dropped by operator → selected, unique, synthesised → trained on, after the budget."""
    data = result["data"]
    if not data:
        return "Records: no pretraining"
    dropped = ", ".join(f"{operator} {count}" for operator, count in data.get("dropped", {}).items() if count)
    return (
        f"Records: {data['seed']} in the seed → dropped: {dropped or 'none'} → {data['selected']} selected, "
        f"{data['unique']} unique, {data['synthesised']} synthesised → "
        f"{result['training']['pretrain']['samples']} trained on"
    )


def stage_seconds(folder: Path, stages: tuple[str, ...] = STAGES) -> dict[str, float]:
    """Seconds of ``stages`` from the graph's marks ``STAGE.made`` in ``folder``, where they are."""
    seconds = {}
    for stage in stages:
        mark = folder / f"{stage}.made"
        if mark.is_file():
            try:
                seconds[stage] = float(read_json(mark)["seconds"])
            except (KeyError, TypeError, ValueError) as error:
                raise BadInput(f"{mark}: holds no number of seconds; remove it") from error
    return seconds


def time_line(result: dict, seconds: dict[str, float]) -> str:
    """Seconds of every stage and their sum; those of training alone where no stage was timed."""
    if not seconds:
        seconds = {stage: entry["seconds"] for stage, entry in result["training"].items() if entry}
    each = ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())
    together = f"; together {sum(seconds.values()):.1f}" if seconds else ""
    return f"Seconds: {each or 'not recorded'}{together}"


def protocol_line(result: dict) -> str:
    """How the scores were measured, test by test."""
    tests = []
    for test, p in result["protocol"].items():
        parts = [p["decoding"], p["dtype"], f"batch {p['batch_size']}", f"≤ {p['max_new_tokens']} tokens"]
        if "parse" in p:
            parts.append(f"circular, letters {p['parse']}")
        if p.get("prompts_with_ocr_tokens"):
            parts.append("OCR tokens in the prompt")
        if p["image"] == "blank":
            parts.append("image blanked")
        parts.append(f"questions {p['question_file_sha256'][:8]}")
        tests.append(f"{NAMES.get(test, test)} {', '.join(parts)}")
    return f"Protocol: {'; '.join(tests)}"


def verdict(result: dict) -> str:
    """Which differences to the baseline exceed both intervals; never a winner inside the noise."""
    if not result["baseline"]:
        return "Verdict: no baseline to compare with; 'make baseline' makes one."
    told = []
    for test, score in result["scores"].items():
        base = result["baseline"]["scores"][test]
        if score["ci95"][0] > base["ci95"][1]:
            told.append(f"{NAMES.get(test, test)} better than the baseline, beyond both intervals")
        elif score["ci95"][1] < base["ci95"][0]:
            told.append(f"{NAMES.get(test, test)} worse than the baseline, beyond both intervals")
        else:
            told.append(f"{NAMES.get(test, test)} undecided, the intervals overlap")
        if result["ratio"][test] is None:
            told.append(f"no ratio for {NAMES.get(test, test)}, where the baseline's score is 0")
    return f"Verdict: {'; '.join(told)}. Of one run only the questions' scatter is known, not the runs'."


def next_steps(result: dict, settings: list[str]) -> list[str]:
    """Commands worth trying after this result; ``settings`` are the knobs that were set for it."""
    profile = [] if result["profile"] == "demo" else [f"PROFILE={result['profile']}"]
    name, number = result["experiment"], result["random_seed"] + 1
    own = [setting for setting in settings if not setting.startswith("RECIPE=")]
    make = " ".join(["make results", *profile, *own])
    # The baseline of an own seed set is named after its experiment: another recipe can share it.
    shared = f" BASELINE_EXP={result['baseline']['experiment']}" if own and result["baseline"] else ""
    known = {result["recipe"], result["baseline"] and result["baseline"]["recipe"]}
    others = sorted({path.stem for path in RECIPES.glob("*.yaml")} - known)
    steps = [f"{make} RECIPE={recipe} EXP={name}-{recipe}{shared}" for recipe in others]
    recipe = next((setting for setting in settings if setting not in own), f"RECIPE={result['recipe']}")
    steps += [f"{make} {recipe} RANDOM_SEED={number} EXP={name}-{number}"]
    swept = " ".join(dict.fromkeys(["seed", recipe.removeprefix("RECIPE=")]))
    knobs = [setting for setting in own if not setting.startswith("PRETRAIN=")]
    steps += [" ".join(["make sweep", *profile, *knobs, f'RECIPES="{swept}"'])]
    if not own:
        steps += [f"{make} SEED=path/to/mgm_pretrain.jsonl STAGE1=path/to/stage_1.json EXP=mine"]
    return [*steps, "make help"]


def show(result: dict, seconds: dict[str, float], settings: list[str], console: Console) -> None:
    """Print everything to ``console``."""
    run = f"{result['profile']} / {result['experiment']}: recipe {result['recipe']}"
    console.print(Text(f"{run}, random seed {result['random_seed']}", style="bold"))
    console.print(score_table(result))
    versions = "Versions: " + ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    for line in (data_line(result), time_line(result, seconds), protocol_line(result), versions):
        console.print(Text(line))
    console.print(Text(verdict(result), style="bold"))
    console.print(Text("Next:"))
    for step in next_steps(result, settings):
        console.print(Text(f"  {step}"), soft_wrap=True)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("results", type=Path, help="a run's results.json")
    parser.add_argument("--settings", default="", help="KNOB=VALUE … of what to try next (default: none)")
    args = parser.parse_args()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100, color_system=None)
    result = read_shaped(args.results, RESULT, "not a results.json, make it again")
    try:
        stages = STAGES if result["training"]["pretrain"] else STAGES[3:]
        show(result, stage_seconds(args.results.with_name(".make"), stages), args.settings.split(), console)
    except (KeyError, TypeError) as error:
        raise BadInput(f"{args.results}: not a results.json ({error}); make it again") from error


if __name__ == "__main__":
    cli.run(main)
