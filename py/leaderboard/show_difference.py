"""How the scores of two sides differ, and how sure that is, for a person at the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from leaderboard.comparison import MEAN
from leaderboard.terminal import add, brief, heading, indented, is_open, p_shown, table_of, what_decides
from screen import name_of, with_interval


def show_scores(scores: list[dict[str, dict[str, Any]]], console: Console) -> None:
    """Each test's score on both sides, and of each run; a dash where a side did not take the test."""
    console.print(heading("Scores, percent with 95 % interval"))
    table = table_of("test", "A", "B", "A, each run", "B, each run")
    for test in dict.fromkeys(test for side in scores for test in side):
        found = [side.get(test) for side in scores]
        means = [with_interval(one["accuracy"], one["ci95"]) if one else "–" for one in found]
        runs = [" ".join(f"{value:.1f}" for value in one["runs"]) if one else "–" for one in found]
        add(table, name_of(test), *means, *runs)
    console.print(table)


def show_verdicts(verdicts: dict[str, dict[str, Any]], random_seeds: list[int], console: Console) -> None:
    """A − B with intervals and verdicts; for those that are open, what would decide them."""
    seeds = f"within random seed{'s' * (len(random_seeds) > 1)} {', '.join(map(str, random_seeds))}"
    apart = "all runs of each: too few random seeds are the same to pair them"
    console.print(heading(f"A − B, {seeds if random_seeds else apart}"))
    table = table_of("", "points, 95 % interval", "p, corrected", "A is")
    for what, told in verdicts.items():
        difference = with_interval(told["difference"], told["ci95"], "+.1f")
        add(table, what_is(what), difference, p_shown(told["p_corrected"]), told["verdict"] or "no verdict")
    console.print(table)
    console.print(Text(f"p is corrected (Holm) for {len(verdicts)} comparisons"))
    for what, told in verdicts.items():
        if told["verdict"] and is_open(told):
            console.print(Text(f"{what_is(what)}: {what_decides(told)}"))


def show_answers(answers: dict[str, dict[str, Any]], console: Console) -> None:
    """Questions won and lost, with examples of both answers."""
    console.print(heading("Questions, by the mean score of the runs compared"))
    for test, found in answers.items():
        counts = f"A won {found['won']:,}, lost {found['lost']:,}, same {found['same']:,}"
        console.print(Text(f"{name_of(test)}: {counts}"))
        for word in ("won", "lost"):
            for one in found[f"examples_{word}"]:
                show_pair(f"{word}, {one['question']}: {brief(one['prompt'])}", one["a"], one["b"], console)


def show_cautions(found: dict[str, Any], console: Console) -> None:
    console.print(heading("Caution"))
    for line in cautions(found):
        console.print(Text(line))


def cautions(found: dict[str, Any]) -> Iterator[str]:
    """What the numbers do not say."""
    if any(told["scatter"] == "questions" for told in found["verdicts"].values()):
        yield (
            "One run of A or of B: only the questions' scatter is known, intervals and p hold no other. "
            "Another random seed may turn the difference round: no verdict without 2 random seeds of each."
        )
    if found["beside_data"]:
        yield "More than the data differs (see above): the difference cannot be put down to the data."
    yield (
        "p is corrected for what is compared here, not for how the pair was found: two recipes picked "
        "because a leaderboard showed them differ look surer here than they are."
    )


def what_is(compared: str) -> str:
    return "mean of the tests" if compared == MEAN else name_of(compared)


def show_pair(title: str, a: str, b: str, console: Console) -> None:
    """A title, and under it a text of each side."""
    console.print(indented(title))
    for letter, text in (("A", a), ("B", b)):
        console.print(indented(f"{letter}: {brief(text)}", 4))
