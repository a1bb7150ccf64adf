"""The statistics against a known truth, by `simulate`: how often intervals hold it and verdicts are wrong."""

import numpy as np
import pytest

from leaderboard.verdicts import BETTER
from simulate import DIFFERENCES, World, coverage, power_found, sweep_verdicts, wrong_verdicts

SWEEPS = 600
MARGIN = 2.7  # three standard errors of 95 % counted over SWEEPS


@pytest.mark.parametrize(
    ("seeds", "questions", "seed", "difference"),
    [
        (1, 100, 0.2, "small"),
        (2, 100, 0.1, "none"),
        (3, 200, 0.0, "none"),
        (3, 100, 0.3, "large"),
        (5, 300, 0.1, "small"),
        (10, 100, 0.2, "none"),
    ],
)
def test_95_percent_intervals_hold_the_truth_95_times_of_100(seeds, questions, seed, difference):
    world = World(DIFFERENCES[difference], seed, seeds, questions)
    for name, share in coverage(world, SWEEPS, np.random.default_rng(1)).items():
        assert 93 - MARGIN <= share <= 97 + MARGIN, name


@pytest.mark.parametrize(("seeds", "seed"), [(2, 0.2), (3, 0.0), (5, 0.3)])
def test_a_sweep_over_equal_recipes_has_a_verdict_5_times_of_100_at_most(seeds, seed):
    share = wrong_verdicts(World((0.4,) * 5, seed, seeds, 100), 200, np.random.default_rng(2))
    assert share <= 5 + 2  # the standard error of 5 % over 200 sweeps is 1.5


def test_a_large_difference_is_found():
    generator = np.random.default_rng(3)
    world = World((0.3, 0.8), 0.1, 5, 200)
    assert all(set(sweep_verdicts(world.draw(generator)[0])) == {BETTER} for _ in range(20))


@pytest.mark.parametrize(("seeds", "level"), [(3, 0.05), (6, 0.005)])
def test_power_is_as_computed(seeds, level):
    found, computed = power_found(World((0.4, 0.5), 0.1, seeds, 300), level, SWEEPS, np.random.default_rng(4))
    assert 20 < computed < 99, "a case that tells nothing"
    assert abs(found - computed) < 6
