"""Confidence intervals of accuracies."""

from math import sqrt

Z95 = 1.959963984540054  # the normal distribution's 97.5 % point


def wilson95(accuracy_percent: float, n: int) -> list[float]:
    """95 % Wilson score interval [low, high] in percent, of a mean over ``n`` questions scored from 0 to 1.

    Wilson rather than the bootstrap, for three reasons: near 0 and 100 % the bootstrap collapses to no width
    just where a weak model or a small set needs one; it needs no random state; and it needs only the mean.
    TextVQA's soft scores lie between 0 and 1, where no variable of mean p varies more than p·(1 − p), so for
    them it errs on the wide side. The unit is the question, a circular group counting as one. It says what
    another draw of questions would change, and nothing about another training run.
    """
    p, zz = accuracy_percent / 100, Z95 * Z95
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = Z95 / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return [100 * max(0.0, centre - half), 100 * min(1.0, centre + half)]
