"""Whether a value out of a JSON file is what its reader takes it for, and if not, where.

A shape is a type (``float``: any finite number), ``range(n)`` for a whole number in it, None, a tuple of
shapes of which one must fit, ``[shape]`` for a list of any length, ``[shape, shape, …]`` for one of that
length, or a dict: of a field's name (``name?`` may be missing) to its shape, or ``{...: shape}`` for any
names. Fields that a shape does not name are let through.

>>> misfit({"n": 3, "ci95": [1.5, "x"]}, {"n": int, "ci95": [float, float]})
"ci95.1 must be a number, not 'x'"
"""

from pathlib import Path
from typing import Any

from errors import BadInput
from json_files import read_json

MOST = 1e300  # what is more, infinity too, is no measured number; NaN is not less than it either
LONGEST = 40  # letters of a value that a message shows
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", None: "null"}

SCORED = {"accuracy": float, "n?": int, "ci95?": [float, float], "plain_accuracy?": float, "unparsable?": int}
COUNTS = {"seed?": int, "selected?": int, "unique?": int, "synthesised?": int, "dropped?": {...: int}}
TRAINED = {"samples?": int, "steps?": int, "loss?": (None, float), "seconds?": (None, float)}
RESULT = {
    "random_seed": int,
    "scores": {...: SCORED},
    "baseline": (None, {"experiment": str, "recipe?": str, "scores?": {...: SCORED}}),
    "ratio": (None, {...: (None, float)}),
    "data": (None, COUNTS),
    "training": {...: (None, TRAINED)},
    "protocol": {...: {...: (str, float, bool)}},
    "inputs": {...: str},
    "versions": {...: str},
}
"""What every reader of a results.json relies on."""
STAGES = ("synth", "convert", "pretrain", "finetune", "textvqa", "mmbench")
"""Of an experiment; each leaves a mark of its run in ``.make/STAGE.made``."""


def misfit(value: Any, shape: Any, at: str = "") -> str | None:
    """What does not fit, by its path in ``value``, and what must be there; None where all fits."""
    if isinstance(shape, tuple):
        faults = [misfit(value, one, at) for one in shape]
        return None if None in faults else faults[-1]
    if isinstance(shape, dict):
        return _in_object(value, shape, at)
    if isinstance(shape, list):
        return _in_list(value, shape, at)
    if isinstance(shape, range):
        sound = type(value) is int and value in shape
        return None if sound else _not(value, f"a whole number from {shape[0]} to {shape[-1]}", at)
    if shape is float:
        sound = type(value) in (int, float) and -MOST < value < MOST
    elif shape is int:
        sound = type(value) is int and -MOST < value < MOST
    else:
        sound = value is None if shape is None else type(value) is shape
    return None if sound else _not(value, WORDS[shape], at)


def _in_object(value: Any, shape: dict, at: str) -> str | None:
    if not isinstance(value, dict):
        return _not(value, "an object", at)
    if ... in shape:
        fields = dict.fromkeys(value, shape[...])
    else:
        if lacking := [name for name in shape if name[-1] != "?" and name not in value]:
            return f"{at} lacks {', '.join(lacking)}".lstrip()
        fields = {name.rstrip("?"): one for name, one in shape.items() if name.rstrip("?") in value}
    faults = (misfit(value[name], one, _below(at, name)) for name, one in fields.items())
    return next((fault for fault in faults if fault), None)


def _in_list(value: Any, shape: list, at: str) -> str | None:
    if not isinstance(value, list):
        return _not(value, "a list", at)
    if len(shape) > 1 and len(value) != len(shape):
        return _not(value, f"a list of {len(shape)}", at)
    shapes = shape if len(shape) > 1 else shape * len(value)
    faults = (
        misfit(one, kind, _below(at, n)) for n, (one, kind) in enumerate(zip(value, shapes, strict=True))
    )
    return next((fault for fault in faults if fault), None)


def _below(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _not(value: Any, words: str, at: str) -> str:
    if isinstance(value, dict | list):
        shown = "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    elif type(value) is int and abs(value) >= MOST:
        shown = "a number of hundreds of digits"  # which Python does not print
    else:
        shown = ascii(value)[:LONGEST]
    return f"{at or 'its value'} must be {words}, not {shown}"


def read_shaped(path: str | Path, shape: Any, remedy: str) -> Any:
    """The JSON in ``path``; raises `BadInput` where it does not fit ``shape``."""
    value = read_json(path)
    if fault := misfit(value, shape):
        raise BadInput(f"{path}: {fault}; {remedy}")
    return value
