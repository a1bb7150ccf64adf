"""A recipe before it runs: its form, its operators and their parameters, thresholds, models."""

import difflib
import inspect
import os
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import fill_recipe
from data_checks.findings import Finding, Findings
from errors import BadInput
from recipe_file import is_step, read_recipe

VALUES = {name: f"${{{name}}}" for name in fill_recipe.MODELS} | {"BUDGET": 1, "RANDOM_SEED": 1}
MODEL = re.compile(r"hf_\w+")
SHARES = ("min_ratio", "top_ratio")  # what is a share whatever the operator, but for aspect ratios


def known_operators(own: list[Path]) -> dict[str, type]:
    """Data-Juicer's operators by name, those of py/ops and those of the files and folders ``own``."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"HF_HUB_OFFLINE": "1", "DATA_JUICER_CACHE_HOME": folder, "HF_HOME": folder}
        from loguru import logger

        from run_data_juicer import leave_out_ray, refuse_installation

        logger.remove()
        leave_out_ray()
        refuse_installation()
        from data_juicer.config.config import load_custom_operators
        from data_juicer.ops import OPERATORS

        import ops  # noqa: F401 (registers them)

        try:
            load_custom_operators([str(path) for path in own])
        except (RuntimeError, ValueError) as error:
            raise BadInput(f"custom_operator_paths: {error}; correct the path or the operator") from error
        return OPERATORS.modules


def lenient_steps(config: Any) -> list[dict]:
    """The steps of a recipe that can be looked at, whatever is wrong with the others."""
    steps = config.get("process") if isinstance(config, dict) else None
    sound = [step for step in steps if is_step(step)] if isinstance(steps, list) else []
    return [{name: dict(arguments or {})} for step in sound for name, arguments in step.items()]


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
            knobs = ", ".join(f"${{{model}}}" for model in fill_recipe.MODELS)
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


def step_faults(name: str, arguments: dict, operators: dict[str, type]) -> Iterator[str]:
    """What is wrong with one step of a recipe."""
    operator = operators.get(name)
    if operator is None:
        near = difflib.get_close_matches(name, operators, 1)
        yield f"{name} is no operator of Data-Juicer 1.6.1 or py/ops; " + (
            f"did you mean {near[0]}?" if near else "correct the name, or add custom_operator_paths"
        )
        return
    try:
        parameters(operator)
    except Exception as error:  # what reading a stranger's signature may raise
        yield f"{name}: its parameters cannot be read ({error}); correct the operator"
        return
    faults = [*argument_faults(name, operator, arguments), *model_faults(name, operator, arguments)]
    yield from faults
    if not faults and (refused := refusal(name, operator, arguments)):
        yield refused


def refusals(path: Path, config: Any) -> Iterator[str]:
    """What synthesis itself would say about the form of a recipe: its first word, and what that hides."""
    told = []
    try:
        fill_recipe.read_steps(path)
    except BadInput as error:
        told.append(str(error))
    try:
        fill_recipe.check_repeated(lenient_steps(config), path)
    except BadInput as error:
        told.append(str(error))
    if isinstance(config, dict) and "skip_op_error" in config:
        told.append(f"{path}: skip_op_error is set by ON_BAD_RECORD; remove it here")
    yield from (message.removeprefix(f"{path}: ") for message in dict.fromkeys(told))


def operators_for(path: Path, config: Any) -> tuple[dict[str, type], str | None]:
    """The operators that the recipe may name, and what is wrong with its own."""
    own = config.get("custom_operator_paths") if isinstance(config, dict) else None
    if own is not None and not isinstance(own, list):
        return known_operators([]), "custom_operator_paths must be a list of paths; correct it"
    try:
        return known_operators([path.parent / name for name in own or []]), None
    except (BadInput, TypeError) as error:
        return known_operators([]), str(error)


def faults_of(path: Path) -> Iterator[tuple[int | None, str]]:
    """(line, fault) of everything that is wrong with the recipe at ``path``."""
    try:
        config = read_recipe(path)
        lines = lines_of(path.read_text(encoding="utf-8"))
    except BadInput:  # `refusals` tells it
        config, lines = None, []
    yield from ((None, message) for message in refusals(path, config))
    operators, fault = operators_for(path, config)
    if fault:
        yield None, fault
    steps = config.get("process") if isinstance(config, dict) else None
    for line, step in zip(lines, steps if isinstance(steps, list) else [], strict=False):
        if not is_step(step):
            yield line, f"{step!r} is not one operator with its arguments; correct it"
            continue
        [(name, arguments)] = step.items()
        try:
            arguments = fill_recipe.filled(dict(arguments or {}), VALUES, path)
        except BadInput as error:
            unknown = str(error).removeprefix(f"{path}: ").split(" has no value")[0]
            known = ", ".join(f"${{{value}}}" for value in VALUES)
            yield line, f"{name}: {unknown} is no placeholder; there are {known}"
            continue
        for message in step_faults(name, arguments, operators):
            yield line, message


def lines_of(text: str) -> list[int]:
    """The line of each item of ``process``."""
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = [value for key, value in pairs if key.value == "process"]
    return (
        [node.start_mark.line + 1 for node in found[0].value] if found and found[0].id == "sequence" else []
    )


def check_recipe(path: Path, findings: Findings) -> None:
    """Check the recipe at ``path``."""
    findings.start()
    findings.add(Finding(str(path), line, None, message) for line, message in faults_of(path))
    text = path.read_text(encoding="utf-8", errors="replace")
    findings.tell("RECIPE", path, f"{len(re.findall('^ *- [a-z]', text, re.MULTILINE))} operators")
