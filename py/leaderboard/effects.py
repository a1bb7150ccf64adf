"""An effect and how sure it is, given its scatter with the random seeds and with the questions.

The seeds' variance has few degrees of freedom, the questions' many, so the interval's half width is taken by
Howe's rule (JASA 69, 1974): the root of the sum of the squares of what each part alone would have, Student's
t with its own degrees of freedom; the distributions are SciPy's. What comes out is held against a truth by
tests/simulate.py.
"""

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

LEAST_P = 1e-12
MANY = 1_000_000  # degrees of freedom of what all questions and seeds together tell


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
