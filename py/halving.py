"""A batch done again in halves, down to the rows that fail alone."""

import copy
import errno
from collections.abc import Callable
from typing import Any, NamedTuple

import faults
from errors import BadInput

# What says nothing about a record: it would fail again, for every one.
ENVIRONMENT = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Part(NamedTuple):
    """Some rows of a batch: what the operator made of them, or the error, then of a single row."""

    rows: range
    result: Any
    error: Exception | None


def attempt(act: Callable[[dict], Any], samples: dict, rows: range) -> Part:
    """``act`` on a copy of ``rows`` of ``samples`` (a dict of lists)."""
    some = {key: copy.deepcopy(values[rows.start : rows.stop]) for key, values in samples.items()}
    try:
        return Part(rows, act(some), None)
    except Exception as error:  # whatever an operator raises
        if not of_a_record(error):
            raise
        return Part(rows, None, error)


def parts(act: Callable[[dict], Any], samples: dict, rows: range) -> list[Part]:
    """``act`` on all ``rows``, in halves down to the rows that fail alone."""
    part = attempt(act, samples, rows)
    if part.error is None or len(rows) == 1:
        return [part]
    half = len(rows) // 2
    return parts(act, samples, rows[:half]) + parts(act, samples, rows[half:])


def first_failing(act: Callable[[dict], Any], samples: dict, rows: range) -> Part | None:
    """The first of ``rows`` that fails alone, found in halves; None if none does."""
    while len(rows) > 1:
        half = len(rows) // 2
        rows = rows[:half] if attempt(act, samples, rows[:half]).error else rows[half:]
    part = attempt(act, samples, rows)
    return part if part.error else None


def of_a_record(error: Exception) -> bool:
    """Whether ``error`` may be due to one record, and not to the model, the machine or the recipe."""
    if faults.ran_out(error):
        return False
    if isinstance(error, BadInput):
        return str(error).startswith("id ")
    return not isinstance(error, OSError) or error.errno not in ENVIRONMENT


def together(found: list[Part], samples: dict) -> Any:
    """The results of the parts as one: a batch, or a filter's verdict on each record of ``samples``."""
    done = [part for part in found if part.error is None]
    if not done:
        return {key: [] for key in samples}
    if isinstance(done[0].result, dict):
        return {key: [value for part in done for value in part.result[key]] for key in done[0].result}
    verdicts = [False] * len(samples["id"])
    for part in done:
        verdicts[part.rows.start : part.rows.stop] = list(part.result)
    return verdicts
