"""A recipe before it runs: its form, its operators and their parameters, thresholds, models."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from data_checks.arguments import VALUES
from data_checks.findings import Finding, Findings
from data_checks.operators import operators_for, step_faults
from errors import BadInput
from placeholders import filled
from recipe_file import check_repeated, is_step, read_recipe, read_steps


def listed(config: Any) -> list:
    """What a recipe lists as its operators, sound or not; [] where it has no list."""
    steps = config.get("process") if isinstance(config, dict) else None
    return steps if isinstance(steps, list) else []


def lenient_steps(config: Any) -> list[dict]:
    """The steps of a recipe that can be looked at, whatever is wrong with the others."""
    sound = [step for step in listed(config) if is_step(step)]
    return [{name: dict(arguments or {})} for step in sound for name, arguments in step.items()]


def refusals(path: Path, config: Any) -> Iterator[str]:
    """What synthesis itself would say about the form of a recipe: its first word, and what that hides."""
    told = []
    try:
        read_steps(path)
    except BadInput as error:
        told.append(str(error))
    try:
        check_repeated(lenient_steps(config), path)
    except BadInput as error:
        told.append(str(error))
    if isinstance(config, dict) and "skip_op_error" in config:
        told.append(f"{path}: skip_op_error is set by ON_BAD_RECORD; remove it here")
    yield from (message.removeprefix(f"{path}: ") for message in dict.fromkeys(told))


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
    for line, step in zip(lines, listed(config), strict=False):
        if not is_step(step):
            yield line, f"{step!r} is not one operator with its arguments; correct it"
            continue
        [(name, arguments)] = step.items()
        try:
            arguments = filled(dict(arguments or {}), VALUES, path)
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
