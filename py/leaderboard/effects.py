"""How sure an effect is, over the models that were trained and the questions that were asked.

A recipe's score scatters twice: another random seed trains another model, and another draw of questions
would find other holes in it. Let x[s, q] be the score, or the difference of two recipes' scores, of random
seed s on question q. Seeds and questions are drawn and crossed,

    x[s, q] = effect + seed[s] + question[q] + rest[s, q],

and the mean over S seeds and Q questions has the variance

    var(seed)/S + var(question)/Q + var(rest)/(S·Q).

The mean squares of this two-way layout estimate the parts (Searle, Casella & McCulloch, Variance
Components, 1992). The seeds' has few degrees of freedom, the others have many, so the interval's half width
is taken by Howe's rule (JASA 69, 1974): the root of the sum of the squares of what each part alone would
have, Student's t with its own degrees of freedom. Python's mixed models take the normal distribution, which
is far too sure of itself with three seeds, hence the mean squares here; the distributions are SciPy's. What
comes out is held against a truth by tests/simulate.py.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

LEAST_P = 1e-12
MANY = 1_000_000  # degrees of freedom of what all questions and seeds together tell

Arm = Sequence[np.ndarray]
"""Values of one set of runs: for each test an array (S, Q_t), a row per random seed, in one order."""


class Scatter(NamedTuple):
    """What random seeds do to a mean over ``seeds`` of them: a variance with ``degrees`` of freedom.

    At least its part ``rest`` is expected, which all the questions tell.
    """

    seeds: int
    variance: float
    degrees: float
    rest: float

    def with_seeds(self, seeds: int) -> "Scatter":
        """As it would be with another number of random seeds."""
        share = self.seeds / seeds
        degrees = self.degrees * (seeds - 1) / (self.seeds - 1)
        return Scatter(seeds, self.variance * share, degrees, self.rest * share)

    def square(self, level: float, given: float | None = None) -> float:
        """The seeds' share in `Effect.half_width`, squared; ``given``: the certain part of ``variance``.

        Without one, ``variance`` counts as a twentieth of ``rest`` at least: two seeds may agree by chance.
        """
        few, many = (students_t(level, degrees) ** 2 for degrees in (self.degrees, MANY))
        if given is None:
            return few * np.maximum(self.variance, self.rest / 20)
        return few * np.maximum(self.variance - given, 0.0) + many * given


class Effect(NamedTuple):
    """An estimate, and how it scatters with the random seeds and, however many these are, with the questions.

    ``by_seed`` is None where a recipe has one run: then all that is said holds for the models at hand alone.
    """

    value: float
    by_seed: Scatter | None
    question_variance: float
    questions: int

    def half_width(self, level: float, given: float | None = None) -> float:
        """Of the two-sided interval that leaves out ``level``, say 0.05."""
        by_seed = float(self.by_seed.square(level, given)) if self.by_seed else 0.0
        return sqrt(by_seed + self.question_square(level))

    def question_square(self, level: float) -> float:
        """The questions' share in the square of `half_width`."""
        return students_t(level, self.questions) ** 2 * self.question_variance

    def interval(self) -> list[float]:
        """The 95 % confidence interval [low, high].

        Howe's rule alone would hold the truth up to 98.7 times of 100 where there are two or three seeds
        and these hardly matter. Taking a share of ``rest`` as given brings that near 95, by simulation. At
        the levels of corrected verdicts the same would be far too sure of seeds that happen to agree: not
        there.
        """
        given = self.by_seed.rest / (1 + 24 / self.by_seed.degrees**2) if self.by_seed else 0.0
        half = self.half_width(0.05, given)
        return [self.value - half, self.value + half]

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect: the level at which the interval just reaches 0; at least `LEAST_P`."""
        if abs(self.value) >= self.half_width(LEAST_P):
            return LEAST_P
        found = brentq(lambda p: self.half_width(exp(p)) - abs(self.value), log(LEAST_P), 0.0)
        return exp(found)

    @property
    def p_better(self) -> float:
        """The share of the confidence that lies above 0."""
        return 1 - self.p_value / 2 if self.value > 0 else self.p_value / 2


def students_t(level: float, degrees: float) -> float:
    """Student's t that is exceeded, on either side, with probability ``level``."""
    return -float(stdtrit(degrees, level / 2))


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
