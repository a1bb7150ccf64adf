"""Better, worse or undecided: corrected for all that is compared, and how many more seeds would decide."""

from bisect import bisect_left
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from leaderboard.effects import Effect

LEVEL = 0.05  # of a wrong verdict among equal recipes, over a whole comparison
POWER = 0.8  # with which the seeds asked for would find an effect as large as the one seen
MOST_SEEDS = 1_000_000
QUANTILES = (np.arange(40) + 0.5) / 40
BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


class Verdict(NamedTuple):
    """``p``: two-sided, corrected; ``more_seeds``: of an undecided one, None where none would do."""

    word: str
    p: float
    more_seeds: int | None


def verdicts(effects: Sequence[Effect]) -> list[Verdict]:
    """A verdict for each of ``effects``, which are all that one comparison looks at.

    Holm's correction keeps the chance of any wrong `better` or `worse` among equal recipes at `LEVEL`,
    however the effects depend on each other. Where the scatter between runs is unknown nothing is decided.
    """
    if not effects:
        return []
    corrected = multipletests([each.p_value for each in effects], LEVEL, "holm")[1]
    still_open = sum(p > LEVEL for p in corrected)
    return [verdict(each, float(p), still_open) for each, p in zip(effects, corrected, strict=True)]


def verdict(found: Effect, p: float, still_open: int) -> Verdict:
    """The verdict on one effect of corrected ``p``; of those ``still_open`` the next one counts as the
    first.
    """
    if found.by_seed is None:
        return Verdict(UNDECIDED, p, None)
    if p <= LEVEL:
        return Verdict(BETTER if found.value > 0 else WORSE, p, None)
    return Verdict(UNDECIDED, p, more_seeds(found, LEVEL / still_open))


def more_seeds(found: Effect, level: float) -> int | None:
    """How many more random seeds would show an effect as large as the one seen with `POWER`; None: never."""
    limit = abs(found.value) / sqrt(found.question_variance)
    if limit <= stats.norm.isf(level / 2) + stats.norm.isf(1 - POWER):
        return None
    numbers = range(found.by_seed.seeds + 1, MOST_SEEDS)
    more = 1 + bisect_left(numbers, POWER, key=lambda seeds: power(found, seeds, level))
    return more if more <= len(numbers) else None


def power(found: Effect, seeds: int, level: float) -> float:
    """The chance of a verdict at ``level`` with ``seeds`` random seeds, if ``found`` were the truth.

    The mean over what the seeds' variance may then come out as, at the quantiles of its distribution.
    """
    by_seed = found.by_seed.with_seeds(seeds)
    error = sqrt(by_seed.variance + found.question_variance)
    factors = stats.chi2.ppf(QUANTILES, by_seed.degrees) / by_seed.degrees
    some = by_seed._replace(variance=by_seed.variance * factors)
    half = np.sqrt(some.square(level) + found.question_square(level))
    return float(stats.norm.cdf((abs(found.value) - half) / error).mean())
