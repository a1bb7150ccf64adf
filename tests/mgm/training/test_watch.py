"""Broken runs stop."""

import pytest

from errors import BadInput
from mgm.training.watch import BrokenRun


def stops_at(values: list[tuple[float, float | None]]) -> tuple[int, str]:
    watch = BrokenRun()
    for step, (loss, grad_norm) in enumerate(values, start=1):
        try:
            watch.see(step, loss, grad_norm)
        except BadInput as error:
            return step, str(error)
    return 0, ""


@pytest.mark.parametrize(
    ("values", "step", "words"),
    [
        ([(1.0, 1.0), (float("nan"), 1.0)], 2, "the loss is nan"),
        ([(float("inf"), 1.0)], 1, "the loss is inf"),
        ([(1.0, float("nan"))], 1, "the gradient norm is nan"),
        ([(0.0, 1.0)] * 30, 11, "the loss is 0 since step 1"),
        ([(1.0, 0.0)] * 30, 11, "the gradient norm is 0 since step 1"),
        ([(1.0, 2.0)] * 5 + [(1.0, 0.0)] * 30, 16, "the gradient norm is 0 since step 6"),
    ],
)
def test_a_broken_run_stops_within_twenty_steps_and_says_why(values, step, words):
    stopped, message = stops_at(values)
    assert stopped == step and words in message and "lock file" in message


def test_a_run_logged_every_ten_steps_stops_within_twenty_too():
    watch = BrokenRun()
    watch.see(10, 0.0, 1.0)
    with pytest.raises(BadInput, match="step 20"):
        watch.see(20, 0.0, 1.0)


@pytest.mark.parametrize("values", [[(1.0, None)] * 40, [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)] * 9])
def test_a_sound_run_goes_on(values):
    assert stops_at(values) == (0, "")
