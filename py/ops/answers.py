"""A model's answers about records: from the store, or computed in batches of one shape."""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from errors import BadInput
from store import Model, opened


def fixed_batches(rows: Sequence[int], size: int) -> Iterator[tuple[list[int], int]]:
    """Yield (``size`` rows, how many of them count); the last batch is filled up by repeating its last row.

    Matrix products round differently for different shapes. With one shape for all, a record's result doesn't
    depend on which records came with it, nor on Data-Juicer's batch size, order or number of workers.

    >>> list(fixed_batches([4, 5, 6], 2))
    [([4, 5], 2), ([6, 6], 1)]
    """
    for start in range(0, len(rows), size):
        batch = list(rows[start : start + size])
        yield batch + batch[-1:] * (size - len(batch)), len(batch)


def finite(value: float, identity: str, what: str) -> float:
    """``value`` to four decimals; raises `BadInput` if it is no number, as half precision may give."""
    if not math.isfinite(value):
        raise BadInput(f"id {identity}: {what} is {value}; set accelerator: cpu for this operator")
    return round(value, 4) + 0.0  # never -0.0, which JSON writers spell in several ways


def first_rows(keys: list[bytes], known: Collection[bytes]) -> list[int]:
    """The row where each of ``keys`` that is not ``known`` stands first.

    >>> first_rows([b"a", b"b", b"c", b"b"], {b"a"})
    [1, 2]
    """
    rows: dict[bytes, int] = {}
    for row, key in enumerate(keys):
        if key not in known:
            rows.setdefault(key, row)
    return list(rows.values())


class Answers:
    """One model under one setting: its answers, from the store or computed and put there at once."""

    def __init__(self, folder: str, store: str, batch_size: int, **settings: Any) -> None:
        """
        :param folder: the model's folder.
        :param store: path of the store; empty: compute everything.
        :param batch_size: questions per forward; every forward has this many.
        :param settings: whatever else the answers depend on.
        """
        self.store, self.batch_size = store, batch_size
        self.counted = True  # in what `make store` shows
        if settings.get("dtype") == "float16":  # where another shape may decide a close call otherwise
            settings["model_batch_size"] = batch_size
        if store:
            weights = opened(store).folder_sha256(folder)
            self.model = Model(Path(folder).name, weights, json.dumps(settings, sort_keys=True))

    def known(self, keys: list[bytes]) -> dict[bytes, Any]:
        """The answers that the store has."""
        return opened(self.store).answers(self.model, keys) if self.store else {}

    def lacking(self, keys: list[bytes]) -> list[int]:
        """The rows of ``keys`` that the store has no answer to, each question once."""
        return first_rows(keys, self.known(keys))

    def __call__(
        self,
        keys: list[bytes],
        compute: Callable[[list[int]], list],
        prepare: Callable[[list[int]], None] = lambda rows: None,
        shape: Callable[[int], int] = lambda row: 0,
    ) -> list:
        """The answers to ``keys``, in order.

        :param compute: gets ``batch_size`` rows and answers each.
        :param prepare: called once before, with all rows that will be computed.
        :param shape: rows of one shape go into one forward; a row's shape must depend on the row alone.
        """
        known = self.known(keys)
        missing = first_rows(keys, known)
        if missing:
            prepare(missing)
        groups: dict[int, list[int]] = {}
        for row in missing:
            groups.setdefault(shape(row), []).append(row)
        for _, group in sorted(groups.items()):
            for rows, count in fixed_batches(group, self.batch_size):
                new = dict(zip([keys[row] for row in rows[:count]], compute(rows)[:count], strict=True))
                if self.store:
                    opened(self.store).add(self.model, new)
                known |= new
        if self.store and self.counted:
            opened(self.store).add(self.model, {}, asked=len(keys))
        return [known[key] for key in keys]
