"""Steps and losses of a log, whoever wrote it, resumed or not; and how many steps the data make."""

import pytest

from submission.logs import budget_fault, curve_fault, read_curve, steps_fault


def entry(loss: float | str, epoch: float | str) -> bytes:
    return f"{{'loss': {loss}, 'grad_norm': 1.0, 'learning_rate': 1e-05, 'epoch': {epoch}}}\n".encode()


PLAIN = [entry(3, 0.25), entry(2.5, 0.5), entry("2e-05", 0.75), entry(1, 1.0)]
CURVES = [
    ("a plain run", PLAIN, [3, 2.5, 2e-05, 1]),
    (
        "another kind of line",
        [b"loading\n", *PLAIN, b"{'train_runtime': 1.0, 'train_loss': 9.0, 'epoch': 1.0}\n"],
        [3, 2.5, 2e-05, 1],
    ),
    ("its summary in JSON", [*PLAIN, b'train.py: {"samples": 4, "loss": 7.5}\n'], [3, 2.5, 2e-05, 1]),
    ("a host's name before each line", [b"node1: " + line for line in PLAIN], [3, 2.5, 2e-05, 1]),
    (
        "a progress bar on the same line",
        [b"\r 25%|##  | 1/4 " + PLAIN[0].strip() + b"\r" + PLAIN[1]],
        [3, 2.5],
    ),
    ("a resumed run repeats steps", [*PLAIN[:3], entry(9, 0.5), entry(8, 0.75), PLAIN[3]], [3, 9, 8, 1]),
    ("epochs of two digits", [entry(i, 0.0) for i in range(3)] + [entry(7, 0.01)], [0, 1, 2, 7]),
    ("numbers in quotes", [b"{'loss': '4.5', 'epoch': '1'}\n"], [4.5]),
    ("nothing", [b"Killed\n"], []),
]


@pytest.mark.parametrize(("name", "lines", "losses"), CURVES, ids=[name for name, _, _ in CURVES])
def test_the_losses_of_a_log(name, lines, losses):
    assert read_curve(lines).losses == losses


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (PLAIN, None),
        ([entry(1, 0.999)], None),
        ([], "no {'loss': …} line"),
        (PLAIN[:3], "ends at epoch 0.75; exactly one is trained"),
        ([*PLAIN, entry(1, 2.0)], "ends at epoch 2"),
        ([entry("inf", 1.0)], "the loss of step 1 is inf"),
        ([PLAIN[0], entry("NaN", 1.0)], "the loss of step 2 is nan"),
    ],
)
def test_what_is_wrong_with_a_curve(lines, words):
    fault = curve_fault(read_curve(lines))
    assert fault is None if words is None else words in fault


@pytest.mark.parametrize(
    ("steps", "samples", "sound"),
    [(4, 1024, True), (4, 1025, True), (5, 1025, True), (3, 1024, False), (5, 1024, False), (1, 3, True)],
)
def test_the_steps_are_those_of_the_samples(steps, samples, sound):
    curve = read_curve([entry(1, i / steps) for i in range(1, steps + 1)])
    assert (steps_fault(curve, samples, 256) is None) == sound


@pytest.mark.parametrize(("steps", "sound"), [(782, True), (783, False)])
def test_the_last_batch_of_the_budget_may_be_partly_filled(steps, sound):
    curve = read_curve([entry(1, i / steps) for i in range(1, steps + 1)])
    assert (budget_fault(curve, 200_000, 256) is None) == sound
