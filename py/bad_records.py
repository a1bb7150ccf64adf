"""An operator that raises costs the record that it raised on, by name, and no other.

Data-Juicer either ends on an error, without a word about which of 1,000 records it was, or (`skip_op_error`)
empties the whole batch and ends with status 0. `install` puts another wrapper around its operators: after an
error the batch is done again in halves, down to the records that fail alone. These are named; with
`skip_op_error` they are left out and noted for the ledger, and their neighbours go on.
"""

import copy
import errno
import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput

# What says nothing about a record: it would fail again, for every one.
ENVIRONMENT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)
MANY = 100  # records left out by one process, from which on they must not be most of all


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
    if isinstance(error, BadInput):
        return str(error).startswith("id ")
    if isinstance(error, OSError) and error.errno in ENVIRONMENT:
        return False
    return not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError"


def named(identity: str, error: Exception) -> str:
    """What went wrong, beginning with the record's id."""
    message = " ".join(str(error).split())
    return message if message.startswith("id ") else f"id {identity}: {type(error).__name__}: {message}"


def note(bad: Path, name: str, ids: list[str], failed: list[Part]) -> None:
    """Append each left out record to this process's file for the ledger."""
    with Path(f"{bad}.{os.getpid()}").open("a", encoding="utf-8") as file:
        for part in failed:
            identity = ids[part.rows.start]
            line = {"id": identity, "op": name, "error": named(identity, part.error)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


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


def exact(method: Callable, bad: Path, name: str, drop: bool, judges: bool = False) -> Callable:
    """``method``, of a batch, such that an error names its record, or with ``drop`` costs it alone.

    ``judges``: the method is a filter's, which gives a verdict on each record.
    """
    count = {"all": 0, "bad": 0}

    @wraps(method)
    def wrapper(samples: Any, *args: Any, **kwargs: Any) -> Any:
        samples = samples.to_pydict() if hasattr(samples, "to_pydict") else samples
        if not isinstance(samples.get("id"), list):
            return method(samples, *args, **kwargs)
        before = {key: copy.deepcopy(values) for key, values in samples.items()} if drop else samples
        count["all"] += len(samples["id"])
        try:
            return method(samples, *args, **kwargs)
        except Exception as error:
            if not of_a_record(error):
                raise BadInput(f"{name}: {remedied(error)}") from error
            return again(dict(before), lambda some: method(some, *args, **kwargs), error)

    def again(samples: dict, act: Callable[[dict], Any], error: Exception) -> Any:
        ids, rows = list(samples["id"]), range(len(samples["id"]))
        if drop:
            found = parts(act, samples, rows)
            failed = [part for part in found if part.error]
        else:
            failed = [part for part in [first_failing(act, samples, rows)] if part]
        if not failed:
            raise BadInput(f"{name}: {error} (in records {ids[0]} to {ids[-1]}, in none alone)") from error
        count["bad"] += len(failed)
        first = named(ids[failed[0].rows.start], failed[0].error)
        if not drop:
            raise BadInput(f"{name}: {first}") from error
        if count["bad"] >= MANY and 2 * count["bad"] > count["all"]:
            raise BadInput(f"{name}: raises on most records: {first}") from error
        note(bad, name, ids, failed)
        return [False] * len(ids) if judges and len(failed) == len(ids) else together(found, samples)

    return wrapper


def remedied(error: Exception) -> str:
    """``error``, with what to do about it where that is known."""
    message = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
    memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return f"{message}; set model_batch_size in the recipe lower" if memory else message


def install(bad: Path) -> None:
    """Put `exact` around every operator that Data-Juicer makes from now on; ``bad``: where to note."""
    from data_juicer.ops import base_op

    single = base_op.catch_map_single_exception

    def batched(method: Callable, skip_op_error: bool = False, op_name: str = "") -> Callable:
        judges = method.__name__ == "process_batched" and isinstance(method.__self__, base_op.Filter)
        return exact(method, bad, op_name, skip_op_error, judges)

    def unbatched(
        method: Callable, return_sample: bool = True, skip_op_error: bool = False, op_name: str = ""
    ) -> Callable:
        once = single(method, return_sample, False, op_name)
        return exact(once, bad, op_name, skip_op_error, judges=not return_sample)

    base_op.catch_map_batches_exception = batched
    base_op.catch_map_single_exception = unbatched
