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
from result_words import data_line, next_steps, protocol_line, time_line, verdict
from screen import console, name_of, number, with_interval
from shapes import RESULT, STAGES, read_shaped


def score_shown(score: dict) -> str:
    """``61.2 [57.0, 65.3]``, percent."""
    return with_interval(score["accuracy"], score["ci95"])


def score_table(result: dict) -> Table:
    """One row per test: score and baseline with 95 % intervals, ratio, number of questions."""
    baseline, ratio = result["baseline"], result["ratio"]
    table = Table()
    for heading in ("", "score %, 95 % interval", "baseline", "ratio", "questions"):
        table.add_column(heading, justify="left" if not heading else "right")
    for test, score in result["scores"].items():
        base = score_shown(baseline["scores"][test]) if baseline else "–"
        cells = (score_shown(score), base, number(ratio and ratio[test], ".2f"), str(score["n"]))
        table.add_row(Text(name_of(test)), *cells)
    table.add_row("mean ratio", "", "", number(ratio and ratio["mean"], ".2f"), "")
    return table


def stage_seconds(folder: Path, stages: tuple[str, ...] = STAGES) -> dict[str, float]:
    """Seconds of ``stages`` from the graph's marks ``STAGE.made`` in ``folder``, where they are."""
    seconds = {}
    for stage in stages:
        mark = folder / f"{stage}.made"
        if mark.is_file():
            seconds[stage] = read_shaped(mark, {"seconds": float}, "remove it")["seconds"]
    return seconds


def show(result: dict, seconds: dict[str, float], settings: list[str], out: Console) -> None:
    """Print everything to ``out``."""
    run = f"{result['profile']} / {result['experiment']}: recipe {result['recipe']}"
    out.print(Text(f"{run}, random seed {result['random_seed']}", style="bold"))
    out.print(score_table(result))
    versions = "Versions: " + ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    for line in (data_line(result), time_line(result, seconds), protocol_line(result), versions):
        out.print(Text(line))
    out.print(Text(verdict(result), style="bold"))
    out.print(Text("Next:"))
    for step in next_steps(result, settings):
        out.print(Text(f"  {step}"), soft_wrap=True)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("results", type=Path, help="a run's results.json")
    parser.add_argument("--settings", default="", help="KNOB=VALUE … of what to try next (default: none)")
    args = parser.parse_args()
    result = read_shaped(args.results, RESULT, "not a results.json, make it again")
    try:
        stages = STAGES if result["training"]["pretrain"] else STAGES[3:]
        show(result, stage_seconds(args.results.with_name(".make"), stages), args.settings.split(), console())
    except (KeyError, TypeError) as error:
        raise BadInput(f"{args.results}: not a results.json ({error}); make it again") from error


if __name__ == "__main__":
    cli.run(main)
