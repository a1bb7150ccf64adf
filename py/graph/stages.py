"""A stage of the graph, in the words with which the Makefile describes it.

    MARK makes FILE FOLDER/ @LIST … reads FILE … knobs NAME=VALUE … packages NAME … inputs MARK …

``MARK`` is ``FOLDER/.make/STAGE``, relative to the project. What it makes lies in ``FOLDER``; ``@LIST`` is a
file that it makes and that names further files, one a line, which count as made too.
"""

import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from errors import BadInput

PREFIX = "@stage "
SHOWN = 200  # letters of a description in a message
FILE, FOLDER, LIST = "file", "folder", "list"


class Output(NamedTuple):
    """One output: a file, a folder, or a file that lists further ones."""

    path: str
    kind: str


class Stage(NamedTuple):
    mark: str
    makes: list[str]
    reads: list[str]
    knobs: dict[str, str]
    packages: list[str]
    inputs: list[str]

    @property
    def folder(self) -> str:
        return str(PurePosixPath(self.mark).parents[1])

    @property
    def name(self) -> str:
        return PurePosixPath(self.mark).name

    @property
    def label(self) -> str:
        """How messages name it: ``[default synth]``."""
        return f"[{PurePosixPath(self.folder).name} {self.name}]"

    @property
    def outputs(self) -> list["Output"]:
        """What it makes, as paths from the project."""
        kinds = {"/": FOLDER, "@": LIST}
        return [
            Output(f"{self.folder}/{word.strip('@/')}", kinds.get(word[-1]) or kinds.get(word[0]) or FILE)
            for word in self.makes
        ]

    @property
    def target(self) -> str:
        """Its first output, a folder with a slash."""
        return f"{self.folder}/{self.makes[0].removeprefix('@')}"


def parse(words: list[str]) -> Stage:
    """The stage that ``words`` describe; raises `BadInput` where they are no description."""
    mark, *rest = words or [""]
    parts: dict[str, list[str]] = {"makes": [], "reads": [], "knobs": [], "packages": [], "inputs": []}
    part: list[str] = []
    for word in rest:
        if word in parts:
            part = parts[word]
        else:
            part.append(word)
    unset = [knob for knob in parts["knobs"] if "=" not in knob]
    if unset or not all(word.strip("@/") for word in [*parts["makes"], mark]) or not parts["makes"]:
        told = f"knobs {unset} without a value" if unset else "MARK makes FILE … is needed"
        raise BadInput(f"not the description of a stage ({told}): {' '.join([mark, *rest])[:SHOWN]}")
    if len(PurePosixPath(mark).parents) < 3:
        raise BadInput(f"not the description of a stage: its mark {mark[:SHOWN]!r} is not FOLDER/.make/STAGE")
    knobs = dict(sorted(knob.split("=", 1) for knob in parts.pop("knobs")))
    inputs = [mark.removesuffix(".made") for mark in parts.pop("inputs")]
    return Stage(mark, knobs=knobs, inputs=inputs, **parts)


def described(lines: Iterable[str]) -> list[Stage]:
    """The stages among the lines that ``make DESCRIBE=yes`` prints, in order, each once."""
    stages = {}
    for line in lines:
        if line.startswith(PREFIX):
            try:
                words = shlex.split(line.removeprefix(PREFIX))
            except ValueError as error:
                told = line.strip()[:SHOWN]
                raise BadInput(f"not the description of a stage ({error}): {told}; mend the knob") from error
            stage = parse(words)
            stages.setdefault(stage.mark, stage)
    return list(stages.values())
