"""Differences and ratios of recipes' scores, within the random seeds and questions that they share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leaderboard.effects import Effect
from leaderboard.estimates import effect
from leaderboard.runs import Run

OVERALL = "overall"


def matrix(runs: Sequence[Run], test: str) -> np.ndarray:
    """Scores (S, Q) of ``runs`` in one test, 0 to 1, questions in one order for all."""
    questions = sorted(runs[0].scores[test])
    return np.array([[run.scores[test][question] for question in questions] for run in runs])


def arms(runs: Sequence[Run], others: Sequence[Run]) -> list[tuple[Sequence[Run], Sequence[Run]]]:
    """The runs to compare: within the random seeds that both have; else all of each, for themselves."""
    seeds = {run.random_seed for run in runs} & {run.random_seed for run in others}
    if len(seeds) > 1 or len(runs) == len(others) == len(seeds):
        return [tuple([run for run in some if run.random_seed in seeds] for some in (runs, others))]
    return [(runs, []), ([], others)]


def contrast(
    runs: Sequence[Run], others: Sequence[Run], weights: dict[str, float], factors: dict[str, float]
) -> Effect:
    """Σ over tests of weight × (mean of ``runs`` − factor × mean of ``others``)."""
    compared = []
    for mine, theirs in arms(runs, others):
        compared.append(
            [
                (matrix(mine, test) if mine else 0.0)
                - (factors[test] * matrix(theirs, test) if theirs else 0.0)
                for test in weights
            ]
        )
    return effect(compared, list(weights.values()), [max(1.0, factors[test]) for test in weights])


def contrasts(runs: Sequence[Run], base: Sequence[Run], tests: Sequence[str]) -> dict[str, Effect]:
    """What a recipe is judged by: differences in points of each test, and in the challenge's score.

    The challenge's score is the mean over the tests of score ÷ baseline's score, the baseline's own being 1.
    Whether the two differ is asked with the divisor held at its mean; the interval has its scatter, too.
    """
    same = dict.fromkeys(tests, 1.0)
    found = {test: contrast(runs, base, {test: 100.0}, same) for test in tests}
    divisors = {test: compared_mean(base, runs, test) for test in tests}
    if all(divisors.values()):
        weights = {test: 1 / (len(tests) * divisor) for test, divisor in divisors.items()}
        found[OVERALL] = contrast(runs, base, weights, same)
    return found


def compared_mean(runs: Sequence[Run], others: Sequence[Run], test: str) -> float:
    """Mean score of those of ``runs`` that are compared with ``others``."""
    some = next(mine for mine, _ in arms(runs, others) if mine)
    return float(matrix(some, test).mean())


def ratio(runs: Sequence[Run], base: Sequence[Run], tests: Sequence[str]) -> dict[str, Any]:
    """The challenge's score with its interval, by the delta method; None where a baseline scores 0."""
    divisors = {test: compared_mean(base, runs, test) for test in tests}
    if not all(divisors.values()):
        return {"mean": None, "ci95": None}
    ratios = {test: compared_mean(runs, base, test) / divisor for test, divisor in divisors.items()}
    weights = {test: 1 / (len(tests) * divisor) for test, divisor in divisors.items()}
    mean = sum(ratios.values()) / len(tests)
    return {
        "mean": mean,
        "ci95": contrast(runs, base, weights, ratios)._replace(value=mean).interval(),
        **ratios,
    }
