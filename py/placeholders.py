"""The ${NAME} of a recipe: what is put for them, and which models it names."""

import re
from pathlib import Path
from typing import Any

from errors import BadInput
from json_files import read_lines

MODELS = ("CAPTIONER", "SIMILARITY_MODEL", "MATCHING_MODEL")


def filled(value: Any, values: dict[str, Any], recipe: Path) -> Any:
    """Replace ${NAME} in every string under ``value``; a string that is one placeholder becomes its value."""
    if isinstance(value, dict):
        return {key: filled(item, values, recipe) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values, recipe) for item in value]
    if not isinstance(value, str):
        return value
    for name in re.findall(r"\$\{(\w+)\}", value):
        if values.get(name) is None:
            raise BadInput(f"{recipe}: ${{{name}}} has no value; give synth.sh --{name.lower()}")
        if value == f"${{{name}}}":
            return values[name]
        value = value.replace(f"${{{name}}}", str(values[name]))
    return value


def models_used(recipe: Path, folders: dict[str, Path | None]) -> dict[str, str]:
    """{placeholder: absolute folder} for the models that ``recipe`` names; the others needn't exist."""
    text = "\n".join(read_lines(recipe))
    used = {name: folder for name, folder in folders.items() if folder and f"${{{name}}}" in text}
    for name, folder in used.items():
        if not (folder / "config.json").is_file():
            raise BadInput(f"--{name.lower()}: {folder} has no config.json; make or fetch it first")
    return {name: str(folder.resolve()) for name, folder in used.items()}
