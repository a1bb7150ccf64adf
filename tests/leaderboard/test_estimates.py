"""Effects estimated from scores: known cases, and what must not matter."""

import numpy as np
import pytest
from scipy import stats

from leaderboard.estimates import effect, score

DRAWN = np.random.default_rng(7)
VALUES = DRAWN.integers(0, 2, (4, 30)) - DRAWN.integers(0, 2, (4, 30)).astype(float)


def test_one_seed_gives_students_interval_over_the_questions_two_imaginary_ones_among_them():
    values = VALUES[:1]
    found = effect([[values]], [1], [1])
    widened = np.append(values[0], [values.mean() - 1, values.mean() + 1])
    error = np.sqrt(widened.var(ddof=1) / values.shape[1])
    assert found.by_seed is None
    half = stats.t.ppf(0.975, values.shape[1]) * error
    assert found.interval() == pytest.approx([values.mean() - half, values.mean() + half])


def test_where_only_seeds_scatter_the_interval_is_students_over_the_seeds():
    by_seed = np.array([[0.1], [0.5], [0.7]])
    found = effect([[np.repeat(by_seed, 5000, axis=1)]], [1], [1])
    half = stats.t.ppf(0.975, 2) * by_seed.std(ddof=1) / np.sqrt(3)
    low, high = found.interval()
    assert found.by_seed.rest == pytest.approx(0, abs=1e-12)
    assert (high - low) / 2 == pytest.approx(half, rel=1e-3)


def test_the_order_of_seeds_and_questions_does_not_matter():
    shuffled = DRAWN.permutation(DRAWN.permutation(VALUES, axis=0), axis=1)
    for one, other in zip(effect([[VALUES]], [1], [1]), effect([[shuffled]], [1], [1]), strict=True):
        assert one == pytest.approx(other)


def test_weights_scale_value_and_interval():
    one, hundred = effect([[VALUES]], [1], [1]), effect([[VALUES]], [100], [1])
    assert np.multiply(one.interval(), 100) == pytest.approx(hundred.interval())
    assert one.p_value == pytest.approx(hundred.p_value)


def test_two_tests_add_up_seed_by_seed():
    """Seeds that push one test up and the other down cancel: pairing the tests within a seed sees that."""
    push = np.array([[0.2], [-0.2], [0.4], [-0.4]])
    calm = np.zeros((4, 50))
    found = effect([[calm + push, calm - push]], [0.5, 0.5], [1, 1])
    assert found.by_seed.variance == pytest.approx(0)
    assert effect([[calm + push, calm + push]], [0.5, 0.5], [1, 1]).by_seed.variance > 0.01


def test_unshared_seeds_have_welchs_degrees_of_freedom():
    a, b = VALUES + DRAWN.normal(0, 0.3, (4, 1)), (VALUES + DRAWN.normal(0, 0.1, (4, 1)))[:3]
    found = effect([[a], [-b]], [1], [1])
    welch = stats.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.by_seed.degrees == pytest.approx(welch.df)
    assert found.by_seed.seeds == 3


def test_an_arm_of_one_seed_leaves_the_scatter_of_seeds_unknown():
    assert effect([[VALUES], [-VALUES[:1]]], [1], [1]).by_seed is None


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_answers_that_are_all_the_same_are_no_certainty(right):
    mean, (low, high) = score(np.full((3, 40), right))
    assert mean == 100 * right
    assert low <= mean <= high
    assert 5 < high - low < 30


def test_a_score_of_one_question_says_nearly_nothing():
    mean, (low, high) = score(np.array([[1.0], [1.0]]))
    assert mean == 100
    assert low < 40 and high == 100
