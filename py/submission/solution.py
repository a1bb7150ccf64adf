"""What goes into solution/: the code, the locked packages, the recipe, a DeepSpeed configuration."""

import os
from collections.abc import Iterator
from pathlib import Path

import yaml

from errors import BadInput
from submission import rules
from submission.code_files import LEFT_OUT, code_files
from submission.piece import Piece
from submission.train_script import Command

PROJECT = Path(__file__).resolve().parents[2]
RECIPE = "solution/recipe"
CODE = "solution/code"


def code_pieces() -> Iterator[Piece]:
    """The project's source, and its locked packages."""
    for name in code_files(PROJECT):
        file = PROJECT / name
        yield Piece(f"{CODE}/{name}", file, bool(file.stat().st_mode & 0o100))
    yield Piece(rules.REQUIREMENTS, PROJECT / "env/requirements.lock")


def recipe_pieces(recipe: Path) -> list[Piece]:
    """The recipe and the operators of its own, with the paths between them kept; the recipe first."""
    try:
        config = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{recipe}: not valid YAML; give the recipe that ran") from error
    if not isinstance(config, dict):
        raise BadInput(f"{recipe}: not a recipe; give the one that ran")
    named = [recipe.parent / path for path in config.get("custom_operator_paths") or []]
    files = [recipe]
    for path in named:
        below = path.rglob("*.py") if path.is_dir() else [path]
        files += sorted(
            file for file in below if not any(LEFT_OUT.match(part) for part in file.relative_to(path).parts)
        )
    for file in files:
        if not file.is_file():
            raise BadInput(
                f"{recipe}: custom_operator_paths names {file}, which is missing; correct the path"
            )
    files = [Path(os.path.abspath(file)) for file in files]  # noqa: PTH100 (links stay what they are called)
    start = os.path.commonpath([file.parent for file in files])
    return [Piece(f"{RECIPE}/{file.relative_to(start).as_posix()}", file) for file in files]


def deepspeed_pieces(commands: list[Command]) -> list[Piece]:
    """The DeepSpeed configuration that was used, where it is not one of the project's."""
    used = {command.value("deepspeed") for command in commands} - {None, *code_files(PROJECT)}
    return [Piece(f"solution/deepspeed/{Path(path).name}", PROJECT / path) for path in sorted(used)]


def seen_from_code(piece: Piece) -> str:
    """The path of what lies in solution/, as solution/code sees it."""
    return f"../{piece.name.removeprefix('solution/')}"


def from_code(command: Command, deepspeed: list[Piece]) -> Command:
    """``command`` with its own DeepSpeed configuration named where the submission has it."""
    moved = {str(piece.source): seen_from_code(piece) for piece in deepspeed}
    return command._replace(flags=[moved.get(str(PROJECT / word), word) for word in command.flags])
