"""What is wrong with an operator's arguments: names, types, ranges, and models that are not here."""

import difflib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from errors import BadInput
from placeholders import MODELS

VALUES = {name: f"${{{name}}}" for name in MODELS} | {"BUDGET": 1, "RANDOM_SEED": 1}
MODEL = re.compile(r"hf_\w+")
SHARES = ("min_ratio", "top_ratio")  # what is a share whatever the operator, but for aspect ratios


@cache
def parameters(operator: type) -> tuple[Any, dict[str, Any]]:
    """Data-Juicer's own parser for an operator, and its parameters with their defaults."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(operator, "op", fail_untyped=False, instantiate=False)
    defaults = {
        name.removeprefix("op."): value for name, value in vars(parser.get_defaults().as_flat()).items()
    }
    return parser, defaults


@cache
def known_to_base(operator: type) -> set[str]:
    """Parameters that an operator's base classes take out of ``kwargs`` without declaring them."""
    sources = (inspect.getsource(base) for base in operator.__mro__ if base.__module__ != "builtins")
    return {
        name
        for source in sources
        for name in re.findall(r"""kwargs(?:\.get\(|\.pop\(|\[)\s*["'](\w+)""", source)
    }


def argument_faults(name: str, operator: type, arguments: dict) -> Iterator[str]:
    """What is wrong with an operator's arguments: unknown, of a wrong type, or out of range."""
    parser, defaults = parameters(operator)
    known = known_to_base(operator) | set(defaults)
    for argument in [argument for argument in arguments if argument not in known]:
        near = difflib.get_close_matches(str(argument), known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(defaults)[:6])}, …"
        yield f"{name} has no parameter '{argument}'; {remedy}"
    given = {key: value for key, value in arguments.items() if key in defaults}
    for key, value in given.items():
        try:
            parser.parse_object({"op": {key: value}})
        except Exception as error:  # jsonargparse's, argparse's and what a type's own check raises
            if "required" not in str(error):
                reason = " ".join(str(error).split())[:200]
                yield f"{name}: {key} cannot be {value!r} ({reason}); correct it"
    try:
        parser.parse_object({"op": given})
    except Exception as error:
        if "required" in str(error):
            yield f"{name}: {' '.join(str(error).split())[:200]}; give it"
    yield from range_faults(name, defaults | given, given)


def range_faults(name: str, values: dict, given: dict) -> Iterator[str]:
    """Limits the wrong way round, and shares that are none."""
    for key, low in values.items():
        high = values.get(f"max_{key[4:]}") if key.startswith("min_") else None
        numbers = all(isinstance(number, int | float) for number in (low, high))
        if numbers and low > high and {key, f"max_{key[4:]}"} & set(given):
            yield f"{name}: {key} {low} is above max_{key[4:]} {high}, so that nothing is left; correct one"
    for key in SHARES:
        value = given.get(key)
        if "aspect" not in name and isinstance(value, int | float) and not 0 <= value <= 1:
            yield f"{name}: {key} {value} is no share from 0 to 1; correct it"


def model_faults(name: str, operator: type, arguments: dict) -> Iterator[str]:
    """Models that are neither a knob's nor a folder here: synthesis fetches nothing."""
    _, defaults = parameters(operator)
    for key, value in (defaults | arguments).items():
        asks = MODEL.fullmatch(key) and isinstance(value, str) and value not in VALUES.values()
        if asks and not (value and Path(value).is_dir()):
            knobs = ", ".join(f"${{{model}}}" for model in MODELS)
            yield f"{name}: {key} '{value}' is no folder, and none is fetched; give one, or {knobs}"


def refusal(name: str, operator: type, arguments: dict) -> str | None:
    """What one of our operators says about its arguments; those with a model are not made."""
    if not operator.__module__.startswith("ops.") or any(
        MODEL.fullmatch(key) for key in parameters(operator)[1]
    ):
        return None
    try:
        operator(**arguments)
    except (BadInput, TypeError, ValueError, AssertionError) as error:
        return str(error) if str(error).startswith(name) else f"{name}: {error}; correct it"
    return None
