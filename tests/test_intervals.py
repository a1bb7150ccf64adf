"""The Wilson interval against SciPy, and where the bootstrap would fail."""

import pytest
from scipy.stats import binomtest

from intervals import wilson95


@pytest.mark.parametrize(("k", "n"), [(0, 40), (1, 7), (24, 40), (40, 40), (2907, 5000)])
def test_the_interval_is_scipys_wilson_interval(k, n):
    low, high = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson95(100 * k / n, n) == pytest.approx([100 * low, 100 * high], abs=1e-9)


def test_the_interval_keeps_its_width_at_both_ends():
    assert wilson95(0.0, 50)[1] > 5
    assert wilson95(100.0, 50)[0] < 95
    assert (wilson95(0.0, 50)[0], wilson95(100.0, 50)[1]) == (0.0, 100.0)
