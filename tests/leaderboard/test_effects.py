"""An effect says how sure it is: p-values, and what more random seeds would do."""

import numpy as np
import pytest

from leaderboard.effects import LEAST_P, Effect, Scatter
from leaderboard.estimates import effect

DRAWN = np.random.default_rng(7)
VALUES = DRAWN.integers(0, 2, (4, 30)) - DRAWN.integers(0, 2, (4, 30)).astype(float)


def test_the_p_value_is_the_level_whose_interval_just_reaches_zero():
    found = effect([[VALUES + 0.3]], [1], [1])
    assert found.half_width(found.p_value) == pytest.approx(abs(found.value))
    assert found.p_better == pytest.approx(1 - found.p_value / 2)
    assert effect([[-VALUES - 0.3]], [1], [1]).p_better == pytest.approx(found.p_value / 2)


def test_a_huge_effect_has_the_least_p_value_and_no_effect_the_largest():
    assert effect([[VALUES + 1e9]], [1], [1]).p_value == LEAST_P
    nothing = effect([[np.zeros((3, 20))]], [1], [1])
    assert (nothing.value, nothing.p_value) == (0, pytest.approx(1))


def test_more_seeds_shrink_the_seeds_part_alone():
    scatter = Scatter(4, 0.04, 3, 0.02)
    assert scatter.with_seeds(8) == Scatter(8, 0.02, 7, 0.01)
    assert Effect(0.5, scatter.with_seeds(8), 0.01, 99).half_width(0.05) < Effect(
        0.5, scatter, 0.01, 99
    ).half_width(0.05)
