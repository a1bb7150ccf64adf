"""A recipe as it is written: YAML that is read without running anything in it, and its operators."""

from pathlib import Path
from typing import Any

import yaml

from errors import BadInput

MOST_NODES, DEEPEST = 100_000, 50  # an anchor (&) may be repeated in repeats, or hold itself


def read_recipe(path: Path) -> Any:
    """What the YAML at ``path`` holds; raises `BadInput` where it is none, or too much."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deep; mend it") from error
    except Exception as error:  # PyYAML lets out what !!int x, !!bool x or the 40th of May come to
        reason = " ".join(f"{error}".split())
        raise BadInput(f"{path}: not valid YAML ({reason}); mend it") from error
    check_size(value, path)
    return value


def check_size(value: Any, path: Path) -> None:
    """Raise `BadInput` where ``value``, every repeat of an anchor counted, is too deep or too large."""
    ahead, count = [(value, 0)], 0
    while ahead:
        node, depth = ahead.pop()
        count += 1
        if depth > DEEPEST:
            raise BadInput(f"{path}: nested too deep, or an anchor (&) that holds itself; mend it")
        if count > MOST_NODES:
            raise BadInput(f"{path}: over {MOST_NODES:,} values, repeats (*) counted; mend it")
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        ahead += [(one, depth + 1) for one in inner]


def is_step(step: Any) -> bool:
    """One operator's name, with a mapping of named arguments or nothing."""
    if not isinstance(step, dict) or len(step) != 1:
        return False
    [(name, arguments)] = step.items()
    named = {} if arguments is None else arguments
    return isinstance(name, str) and isinstance(named, dict) and all(isinstance(key, str) for key in named)


def steps_in(config: Any, path: Path) -> list[dict]:
    """The operators of the recipe ``config``, read from ``path``; raises `BadInput` where it has none."""
    steps = config.get("process") if isinstance(config, dict) else None
    if not isinstance(steps, list) or not all(is_step(step) for step in steps):
        raise BadInput(f"{path}: 'process' must be a list of operators, as in recaption.yaml")
    return steps


def check_repeated(process: list[dict], recipe: Path) -> None:
    """Data-Juicer 1.6.1 lets an operator inherit what it isn't given from an earlier one of the same name."""
    keys: dict[str, set] = {}
    for step in process:
        [(name, arguments)] = step.items()
        if keys.setdefault(name, set(arguments)) != set(arguments):
            raise BadInput(
                f"{recipe}: {name} stands twice with different arguments; Data-Juicer would let the later "
                f"one inherit the missing ones; give both {sorted(keys[name] | set(arguments))}"
            )


def read_steps(recipe: Path) -> tuple[dict, list[dict]]:
    """The recipe and its operators, each {name: arguments}; raises `BadInput` for what would go wrong."""
    config = read_recipe(recipe)
    steps = steps_in(config, recipe)
    if "skip_op_error" in config:
        raise BadInput(f"{recipe}: skip_op_error is set by ON_BAD_RECORD; remove it here")
    steps = [{name: dict(arguments or {})} for step in steps for name, arguments in step.items()]
    check_repeated(steps, recipe)
    return config, steps
