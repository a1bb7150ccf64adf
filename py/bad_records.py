"""An operator that raises costs the record that it raised on, by name, and no other.

Data-Juicer either ends on an error, without a word about which of 1,000 records it was, or (`skip_op_error`)
empties the whole batch and ends with status 0. `install` puts another wrapper around its operators: after an
error the batch is done again in halves, down to the records that fail alone. These are named; with
`skip_op_error` they are left out and noted for the ledger, and their neighbours go on.
"""

import copy
import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from errors import BadInput
from halving import Part, first_failing, of_a_record, parts, together

MANY = 100  # records left out by one process, from which on they must not be most of all


def named(ids: list[str], part: Part) -> str:
    """What went wrong with the one record of ``part``, beginning with its id."""
    identity, error = ids[part.rows.start], part.error
    message = " ".join(str(error).split())
    return message if message.startswith("id ") else f"id {identity}: {type(error).__name__}: {message}"


def note(bad: Path, name: str, ids: list[str], failed: list[Part]) -> None:
    """Append each left out record to this process's file for the ledger."""
    with Path(f"{bad}.{os.getpid()}").open("a", encoding="utf-8") as file:
        for part in failed:
            line = {"id": ids[part.rows.start], "op": name, "error": named(ids, part)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def done_again(
    act: Callable[[dict], Any], samples: dict, name: str, drop: bool, error: Exception
) -> tuple[list[Part], list[Part]]:
    """All parts of a batch on which ``error`` was raised, and those of one record that fail alone.

    Raises `BadInput` where none does and, without ``drop``, for the first that does.
    """
    ids, rows = samples["id"], range(len(samples["id"]))
    found = parts(act, samples, rows) if drop else [first_failing(act, samples, rows)]
    failed = [part for part in found if part and part.error]
    if not failed:
        raise BadInput(f"{name}: {error} (in records {ids[0]} to {ids[-1]}, in none alone)") from error
    if not drop:
        raise BadInput(f"{name}: {named(ids, failed[0])}") from error
    return found, failed


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
            found, failed = done_again(lambda some: method(some, *args, **kwargs), before, name, drop, error)
            count["bad"] += len(failed)
            if count["bad"] >= MANY and 2 * count["bad"] > count["all"]:
                first = named(before["id"], failed[0])
                raise BadInput(f"{name}: raises on most records: {first}") from error
            note(bad, name, before["id"], failed)
            whole = judges and len(failed) == len(before["id"])
            return [False] * len(failed) if whole else together(found, before)

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
