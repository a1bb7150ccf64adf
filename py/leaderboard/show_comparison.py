"""A comparison for a person at the terminal: what was set, and what came of it."""

from typing import Any

from rich.console import Console
from rich.text import Text

from leaderboard.show_difference import show_answers, show_cautions, show_pair, show_scores, show_verdicts
from leaderboard.terminal import add, heading, indented, table_of
from screen import number

STAGES = {"pretrain": "pretraining", "finetune": "finetuning"}


def show(found: dict[str, Any], console: Console) -> None:
    """Print what `comparison.compare` found."""
    for letter in "ab":
        show_side(letter.upper(), found[letter], console)
    show_settings(found, console)
    show_data(found["data"], console)
    show_losses(found["losses"], console)
    show_scores(found["scores"], console)
    if not found["hindrances"]:
        show_verdicts(found["verdicts"], found["random_seeds"], console)
        show_answers(found["answers"], console)
        show_cautions(found, console)


def show_side(letter: str, side: dict[str, Any], console: Console) -> None:
    """Which runs are meant, and which were left out and why."""
    seeds = ", ".join(map(str, side["random_seeds"]))
    title = f"{letter}  {side['name']}: recipe {side['recipe']}, random seed"
    console.print(Text(f"{title}{'s' * (len(side['random_seeds']) > 1)} {seeds}", style="bold"))
    if side["note"]:
        console.print(indented(side["note"], 3))
    for one in side["left_out"]:
        console.print(indented(f"left out: {one['experiment']}: {one['reason']}", 3))


def show_settings(found: dict[str, Any], console: Console) -> None:
    """Knobs, hashes of inputs, and what is not of the data."""
    console.print(heading("Knobs that differ" if found["knobs"] else "No knob differs"))
    if found["knobs"]:
        table = table_of("knob", "A", "B")
        for name, values in found["knobs"].items():
            add(table, name, *("(not read)" if value is None else value or "(empty)" for value in values))
        console.print(table)
    apart = [f"{name} {short(a)} → {short(b)}" for name, (a, b) in found["inputs"].items() if a != b]
    same = [name for name, (a, b) in found["inputs"].items() if a == b]
    console.print(Text(f"Inputs that differ, A → B: {', '.join(apart) or 'none'}"))
    console.print(Text(f"Inputs that are the same: {', '.join(same) or 'none'}"))
    if found["beside_data"]:
        console.print(heading("Not a comparison of data alone: these differ, too, A → B"))
        for word in found["beside_data"]:
            console.print(indented(word))


def show_data(data: dict[str, Any], console: Console) -> None:
    """What became of the seed on both sides, and captions that differ."""
    console.print(heading(f"Data, of {' and '.join(data['experiments'])}"))
    table = table_of("records", "A", "B")
    for name in dict.fromkeys(name for summary in data["summaries"] for name in summary):
        counts = [summary.get(name, 0 if summary else None) for summary in data["summaries"]]
        add(table, name, *(number(count, ",") for count in counts))
    if table.row_count:
        console.print(table)
    for letter, summary in zip("AB", data["summaries"], strict=True):
        if not summary:
            console.print(Text(f"{letter} was pretrained on nothing"))
    if data["missing"] and all(data["summaries"]):
        console.print(Text(f"Captions not compared: {', '.join(data['missing'])} missing; 'make synth'"))
    if records := data["records"]:
        where = f"in both {records['both']:,}, only in A {records['only_a']:,}"
        differ = f"of those in both, {records['captions_differ']:,} have another caption"
        console.print(Text(f"Seed records {where}, only in B {records['only_b']:,}; {differ}"))
        for one in records["examples"]:
            show_pair(f"id {one['id']}", one["a"], one["b"], console)


def show_losses(losses: list[dict[str, dict[str, float | None]]], console: Console) -> None:
    console.print(heading("Loss at the end: mean of the last tenth of the steps"))
    table = table_of("experiment", *STAGES.values())
    for letter, side in zip("AB", losses, strict=True):
        for experiment, of_stage in side.items():
            add(table, f"{letter} {experiment}", *(number(of_stage.get(stage), ".4f") for stage in STAGES))
    console.print(table)


def short(digest: str | None) -> str:
    return digest[:8] if digest else "none"
