"""Which questions one side won, and what both sides answered there."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from leaderboard.contrasts import arms
from leaderboard.runs import Run, read_answers

EXAMPLES = 3
Pairs = Sequence[tuple[Run, Run]]


def compare_answers(a: Sequence[Run], b: Sequence[Run], test: str) -> dict[str, Any]:
    """Questions that ``a`` won, lost, or neither, by mean score over the runs compared."""
    pairs = run_pairs(a, b)
    won, lost = won_and_lost(pairs, test)
    texts: dict[Path, dict[str, dict]] = {}
    return {
        "won": len(won),
        "lost": len(lost),
        "same": len(a[0].scores[test]) - len(won) - len(lost),
        "examples_won": [example(q, pairs, test, 1, texts) for q in won[:EXAMPLES]],
        "examples_lost": [example(q, pairs, test, -1, texts) for q in lost[:EXAMPLES]],
    }


def won_and_lost(pairs: Pairs, test: str) -> tuple[list[str], list[str]]:
    """Questions that the first runs of ``pairs`` won and lost, by the sum over pairs, the clearest first."""
    gains = {
        question: sum(mine.scores[test][question] - theirs.scores[test][question] for mine, theirs in pairs)
        for question in pairs[0][0].scores[test]
    }
    # Several right answers of ten score 0.3, 0.6, …: sums of these are equal but for their last digits.
    gains = {question: round(gain, 9) for question, gain in gains.items()}
    won = sorted((q for q, gain in gains.items() if gain > 0), key=lambda q: -gains[q])
    lost = sorted((q for q, gain in gains.items() if gain < 0), key=lambda q: gains[q])
    return won, lost


def run_pairs(a: Sequence[Run], b: Sequence[Run]) -> Pairs:
    """The runs that are held against each other: of equal random seeds, else each with each."""
    compared = arms(a, b)
    if len(compared) == 1:
        return list(zip(*compared[0], strict=True))
    return list(product(a, b))


def example(
    question: str, pairs: Pairs, test: str, sign: int, texts: dict[Path, dict[str, dict]]
) -> dict[str, Any]:
    """A question with both answers, from the first pair of runs in which it went most one way."""
    mine, theirs = max(
        pairs, key=lambda pair: sign * (pair[0].scores[test][question] - pair[1].scores[test][question])
    )
    answers = []
    for run in (mine, theirs):
        if run.folder not in texts:
            texts[run.folder] = read_answers(run, test)
        answers.append(texts[run.folder].get(question, {}))
    return {
        "question": question,
        "prompt": answers[0].get("prompt", ""),
        "a": answers[0].get("text", ""),
        "b": answers[1].get("text", ""),
        "experiments": [mine.folder.name, theirs.folder.name],
    }
