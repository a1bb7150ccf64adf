"""Effects estimated over the models that were trained and the questions that were asked.

A recipe's score scatters twice: another random seed trains another model, and another draw of questions
would find other holes in it. Let x[s, q] be the score, or the difference of two recipes' scores, of random
seed s on question q. Seeds and questions are drawn and crossed,

    x[s, q] = effect + seed[s] + question[q] + rest[s, q],

and the mean over S seeds and Q questions has the variance

    var(seed)/S + var(question)/Q + var(rest)/(S·Q).

The mean squares of this two-way layout estimate the parts (Searle, Casella & McCulloch, Variance
Components, 1992). Python's mixed models take the normal distribution, which is far too sure of itself with
three seeds, hence the mean squares here.
"""

from collections.abc import Sequence

import numpy as np

from leaderboard.effects import Effect, Scatter

Arm = Sequence[np.ndarray]
"""Values of one set of runs: for each test an array (S, Q_t), a row per random seed, in one order."""


def effect(arms: Sequence[Arm], weights: Sequence[float], spreads: Sequence[float]) -> Effect:
    """The sum over tests of weight × mean, summed over arms, and how sure it is.

    One arm holds a recipe's scores, or differences within random seeds that two recipes share; two arms hold
    a recipe's scores and the other's with a minus, where they share none. All have the same questions.

    ``spreads``: how far from its mean one question's value can lie, per test. Two imaginary questions, that
    far up and that far down, count in the questions' scatter: without them, no scatter among few questions
    (all answered right, say) would pass for certainty (Agresti & Min 2005 and Bonett & Price 2012, for
    paired proportions).

    >>> scores = np.array([[1, 0, 1, 1], [1, 0, 0, 1]])
    >>> round(effect([[scores]], [100], [0.5]).value, 6)
    62.5
    """
    value = sum(weight * arm[test].mean() for arm in arms for test, weight in enumerate(weights))
    by_seed = together([seed_scatter(arm, weights) for arm in arms])
    questions = 0.0
    for test, (weight, spread) in enumerate(zip(weights, spreads, strict=True)):
        values = [arm[test] for arm in arms]
        questions += weight**2 * question_variance(values, spread, subtract_rest=by_seed is not None)
    fewest = min(values.shape[1] for arm in arms for values in arm)
    return Effect(float(value), by_seed, questions, fewest)


def score(values: np.ndarray) -> tuple[float, list[float]]:
    """Mean of scores (S, Q), each 0 to 1, and its 95 % interval, both in percent.

    Two imaginary questions answered rightly and two wrongly count in the interval, which is therefore longer
    towards the middle (Agresti & Coull 1998, for one proportion).

    >>> score(np.ones((1, 10)))[1][1]
    100.0
    """
    seeds = len(values)
    padded = np.hstack([values, np.ones((seeds, 2)), np.zeros((seeds, 2))])
    low, high = effect([[padded]], [100], [0]).interval()
    return 100 * float(values.mean()), [max(low, 0.0), min(high, 100.0)]


def seed_scatter(arm: Arm, weights: Sequence[float]) -> Scatter | None:
    """What an arm's seeds do to its mean; None of one seed."""
    totals = sum(weight * values.mean(axis=1) for weight, values in zip(weights, arm, strict=True))
    rest = sum(weight**2 * rest_variance(values) for weight, values in zip(weights, arm, strict=True))
    seeds = len(totals)
    return Scatter(seeds, float(totals.var(ddof=1)) / seeds, seeds - 1, rest) if seeds > 1 else None


def together(scatters: Sequence[Scatter | None]) -> Scatter | None:
    """That of the sum of arms, with Welch's degrees of freedom."""
    if None in scatters:
        return None
    if len(scatters) == 1:
        return scatters[0]
    seeds = min(each.seeds for each in scatters)
    variance, rest = (sum(getattr(each, part) for each in scatters) for part in ("variance", "rest"))
    squares = sum(each.variance**2 / each.degrees for each in scatters)
    degrees = variance**2 / squares if squares else sum(each.degrees for each in scatters)
    return Scatter(seeds, variance, degrees, rest)


def question_variance(values: Sequence[np.ndarray], spread: float, subtract_rest: bool) -> float:
    """Variance of one test's mean by its questions, the arms summed question by question.

    Of a question's mean that differs among seeds, the ``rest`` is in the seeds' scatter already.
    """
    means = sum(array.mean(axis=0) for array in values)
    questions = len(means)
    imaginary = 2 * spread**2 / (questions + 1) / questions
    variance = float(((means - means.mean()) ** 2).sum()) / (questions + 1) / questions
    rest = sum(rest_variance(array) for array in values) if subtract_rest else 0.0
    return max(variance - rest, 0.0) + imaginary


def rest_variance(values: np.ndarray) -> float:
    """Variance of the mean of (S, Q) ``values`` by what neither the seed nor the question explains."""
    seeds, questions = values.shape
    if seeds == 1 or questions == 1:
        return 0.0
    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return float((left**2).sum()) / ((seeds - 1) * (questions - 1)) / (seeds * questions)
