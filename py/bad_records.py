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
from typing import Any, NamedTuple

from records import BadInput


class Part(NamedTuple):
    """Some rows of a batch: what the operator made of them, or the error, then of a single row."""

    rows: range
    result: Any
    error: Exception | None


def parts(act: Callable[[dict], Any], samples: dict, rows: range) -> list[Part]:
    """``act`` on ``rows`` of ``samples`` (a dict of lists), in halves down to the rows that fail alone."""
    some = {key: copy.deepcopy(values[rows.start : rows.stop]) for key, values in samples.items()}
    try:
        return [Part(rows, act(some), None)]
    except Exception as error:  # whatever an operator raises
        if len(rows) == 1:
            return [Part(rows, None, error)]
    half = len(rows) // 2
    return parts(act, samples, rows[:half]) + parts(act, samples, rows[half:])


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


def together(done: list[Part], count: int) -> Any:
    """The results of the parts as one: a batch, or a filter's verdict on each of ``count`` rows."""
    if isinstance(done[0].result, dict):
        return {key: [value for part in done for value in part.result[key]] for key in done[0].result}
    verdicts = [False] * count
    for part in done:
        verdicts[part.rows.start : part.rows.stop] = list(part.result)
    return verdicts


def exact(method: Callable, bad: Path, name: str, drop: bool) -> Callable:
    """``method``, of a batch, such that an error names its record, or with ``drop`` costs it alone."""

    @wraps(method)
    def wrapper(samples: Any, *args: Any, **kwargs: Any) -> Any:
        samples = samples.to_pydict() if hasattr(samples, "to_pydict") else samples
        if not isinstance(samples.get("id"), list):
            return method(samples, *args, **kwargs)
        ids = list(samples["id"])
        before = {key: copy.deepcopy(values) for key, values in samples.items()} if drop else samples
        try:
            return method(samples, *args, **kwargs)
        except Exception as error:
            found = parts(lambda some: method(some, *args, **kwargs), dict(before), range(len(ids)))
            failed = [part for part in found if part.error]
            if not failed:
                raise BadInput(
                    f"{name}: {error} (in records {ids[0]} to {ids[-1]}, in none alone)"
                ) from error
            if not drop or len(failed) == len(ids):
                raise BadInput(f"{name}: {named(ids[failed[0].rows.start], failed[0].error)}") from error
            note(bad, name, ids, failed)
            return together([part for part in found if not part.error], len(ids))

    return wrapper


def install(bad: Path) -> None:
    """Put `exact` around every operator that Data-Juicer makes from now on; ``bad``: where to note."""
    from data_juicer.ops import base_op

    single = base_op.catch_map_single_exception

    def batched(method: Callable, skip_op_error: bool = False, op_name: str = "") -> Callable:
        return exact(method, bad, op_name, skip_op_error)

    def unbatched(
        method: Callable, return_sample: bool = True, skip_op_error: bool = False, op_name: str = ""
    ) -> Callable:
        return exact(single(method, return_sample, False, op_name), bad, op_name, skip_op_error)

    base_op.catch_map_batches_exception = batched
    base_op.catch_map_single_exception = unbatched
