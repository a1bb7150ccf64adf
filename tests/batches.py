"""Seed files as the batches that operators get."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path


def batch_of(seed: Path) -> dict:
    """The seed file as a Data-Juicer batch, a dict of lists, as check_seed.py makes it."""
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    paths = [seed.parent / row["images"][0] for row in rows]
    return {
        "id": [row["id"] for row in rows],
        "text": [row["text"] for row in rows],
        "images": [[str(path)] for path in paths],
        "image_sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths],
        "seed_image": [str(path) for path in paths],
        "seed_row": list(range(1, len(rows) + 1)),
        "__dj__stats__": [{} for _ in rows],
        "__dj__meta__": [{} for _ in rows],
    }


def in_batches(act: Callable, samples: dict, size: int, backwards: bool = False) -> dict:
    """Let ``act`` process ``samples`` ``size`` at a time; {id: (text, stats, meta)}."""
    result = {}
    order = list(range(len(samples["id"])))[:: -1 if backwards else 1]
    for start in range(0, len(order), size):
        some = {key: [values[row] for row in order[start : start + size]] for key, values in samples.items()}
        some |= {key: [dict(value) for value in some[key]] for key in ("__dj__stats__", "__dj__meta__")}
        done = act(some)
        columns = (done[key] for key in ("id", "text", "__dj__stats__", "__dj__meta__"))
        result |= {identity: rest for identity, *rest in zip(*columns, strict=True)}
    return result
