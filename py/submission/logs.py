"""Training logs: the losses, the steps that they stand for, and whether these fit the data."""

import re
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from errors import BadInput
from submission import rules
from submission.faults import Faults
from submission.tree import Tree

NUMBER = r"'?([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf))"
# As the trainer prints its dictionaries; train_summary.json's words are in double quotes.
LOSS = re.compile(rf"'loss': {NUMBER}".encode(), re.IGNORECASE)
EPOCH = re.compile(rf"'epoch': {NUMBER}".encode(), re.IGNORECASE)
ONE_EPOCH = (0.98, 1.02)  # the last step's, rounded as the versions of the trainer round it


class Curve(NamedTuple):
    """One log: a loss and an epoch (None where not logged) per step."""

    losses: list[float]
    epochs: list[float | None]

    @property
    def steps(self) -> int:
        return len(self.losses)


def read_curve(lines: Iterable[bytes]) -> Curve:
    """The curve in a log. A resumed run repeats the steps since its checkpoint: of these the later count."""
    losses, epochs = [], []
    for line in lines:
        for found in LOSS.finditer(line):
            after = EPOCH.search(line, found.end())
            epoch = float(after[1]) if after else None
            if epoch is not None and epochs and epochs[-1] is not None and epoch < epochs[-1]:
                while epochs and epochs[-1] is not None and epochs[-1] >= epoch:
                    epochs.pop()
                    losses.pop()
            losses.append(float(found[1]))
            epochs.append(epoch)
    return Curve(losses, epochs)


def curve_fault(curve: Curve) -> str | None:
    """What is wrong with a curve by itself."""
    if not curve.losses:
        return "no {'loss': …} line; add the log of the whole training, as it was printed"
    broken = next((step for step, loss in enumerate(curve.losses, 1) if not isfinite(loss)), None)
    if broken:
        return (
            f"the loss of step {broken} is {curve.losses[broken - 1]}; train again with a lower learning rate"
        )
    last = curve.epochs[-1]
    if last is not None and not ONE_EPOCH[0] <= last <= ONE_EPOCH[1]:
        return f"ends at epoch {last:g}; exactly one is trained: add the whole log, or train again"
    return None


def steps_fault(curve: Curve, samples: int, batch: int) -> str | None:
    """Whether the curve's steps are those of ``samples`` in batches of ``batch``."""
    if curve.steps in rules.steps_of(samples, batch):
        return None
    expected = " or ".join(map(str, sorted(rules.steps_of(samples, batch))))
    return (
        f"{curve.steps} steps, where {samples:,} samples in batches of {batch} make {expected}; "
        "log and data do not belong together, take those of one run"
    )


def budget_fault(curve: Curve, budget: int, batch: int) -> str | None:
    """Whether the curve's steps stand for more samples than the budget."""
    most = -(-budget // batch)
    if curve.steps <= most:
        return None
    return (
        f"{curve.steps} steps of {batch} samples, but the budget of {budget:,} samples is used up "
        f"after {most}; train on less data"
    )


def check_log(tree: Tree, name: str, faults: Faults) -> Curve | None:
    """The curve of the log ``name``, faults of it added; None where there is nothing to judge further."""
    if name not in tree.files:
        return None
    try:
        tree.require(name, rules.LOG_BYTES)
        with tree.open(name) as file:
            curve = read_curve(file)
    except BadInput as error:
        faults.add(name, str(error))
        return None
    fault = curve_fault(curve)
    if fault:
        faults.add(name, fault)
    return curve if curve.losses else None
