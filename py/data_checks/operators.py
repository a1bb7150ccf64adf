"""The operators that a recipe may name, and what is wrong with one of its steps."""

import difflib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_checks.arguments import argument_faults, model_faults, parameters, refusal
from errors import BadInput


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


def operators_for(path: Path, config: Any) -> tuple[dict[str, type], str | None]:
    """The operators that the recipe may name, and what is wrong with its own."""
    own = config.get("custom_operator_paths") if isinstance(config, dict) else None
    if own is not None and not isinstance(own, list):
        return known_operators([]), "custom_operator_paths must be a list of paths; correct it"
    try:
        return known_operators([path.parent / name for name in own or []]), None
    except (BadInput, TypeError) as error:
        return known_operators([]), str(error)


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
