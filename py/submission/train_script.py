"""output/train.sh: the two training commands as they ran.

The words come from what the graph's stages printed, the values from ``train_args.json``, which belongs to the
weights: a later start that failed may have left its command in the stage's log.
"""

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from submission.run import LOGS, Run

HEAD = """#!/usr/bin/env bash
# Pretraining and finetuning of experiment {experiment}, profile {profile}: the commands as they ran.
# usage: train.sh [PROJECT]   PROJECT holds the code and, at the same paths as then, models and data
#                             (default: solution/code beside output/); PYTHON names the interpreter
set -euo pipefail
here=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
cd "${{1:-$here/../solution/code}}"
python=${{PYTHON:-$PWD/.venv/bin/python}}
for path in {inputs}; do
  [ -e "$path" ] || {{ echo "train.sh: $PWD/$path is missing; in $PWD run: "{inputs_command} >&2; exit 1; }}
done
"""
ON_CPU = "export DS_ACCELERATOR=cpu  # as then: a GPU would give other numbers\n"
INPUTS = ("deepspeed", "model_name_or_path", "vision_tower", "vision_tower_aux", "data_path", "image_folder")


class Command(NamedTuple):
    """A training's command: the launcher's words with the script, then the flags."""

    launch: list[str]
    flags: list[str]

    def value(self, flag: str) -> str | None:
        """The value of ``--flag``, or None."""
        return next((value for word, value in pairwise(self.flags) if word == f"--{flag}"), None)


def read_command(log: Path, settings: dict[str, Any]) -> Command:
    """The command that a stage printed into ``log``, paths from the project, values as trained with."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        printed = [line[2:].split() for line in lines if line.startswith("+ ") and "/py/train.py" in line]
    if not printed:
        raise BadInput(
            f"{log}: no line '+ … py/train.py …'; train with 'make', or keep there what the script prints"
        )
    words = printed[-1]
    script = next(i for i, word in enumerate(words) if word.endswith("/py/train.py"))
    project = f"{words[script].removesuffix('py/train.py')}"
    words = [word.removeprefix(project) for word in words]
    flags = as_trained(words[script + 1 :], settings)
    return Command(words[1 : script + 1], flags)


def as_trained(flags: list[str], settings: dict[str, Any]) -> list[str]:
    """``flags`` with the values in ``settings``, where these have a plain one.

    >>> as_trained(["--seed", "7", "--learning_rate", "1e-3"], {"seed": 1024, "learning_rate": 0.001})
    ['--seed', '1024', '--learning_rate', '1e-3']
    """
    flags = list(flags)
    for i, flag in enumerate(flags[:-1]):
        used = settings.get(flag.removeprefix("--")) if flag.startswith("--") else None
        if isinstance(used, bool | int | float | str) and not _same(flags[i + 1], used):
            flags[i + 1] = str(used)
    adapter = settings.get("pretrain_mm_mlp_adapter")
    if adapter and "--pretrain_mm_mlp_adapter" not in flags:
        flags += ["--pretrain_mm_mlp_adapter", adapter]
    return flags


def _same(word: str, used: bool | int | float | str) -> bool:
    if isinstance(used, bool | str):
        return word == str(used)
    try:
        return float(word) == used
    except ValueError:
        return False


def call_of(command: Command, log: str) -> str:
    """Lines of shell that run ``command``, one flag a line, its output shown and kept in its folder."""
    lines: list[str] = []
    for word in command.flags:
        if word.startswith("--") or not lines:
            lines.append(word)
        else:
            lines[-1] += f" {shlex.quote(word)}"
    output = shlex.quote(command.value("output_dir") or ".")
    called = " \\\n  ".join([f'"$python" {shlex.join(command.launch)}', *lines])
    return f"\nmkdir -p {output}\n{called} 2>&1 | tee {output}/{log}\n"


def train_script(run: Run, commands: list[Command], knobs: list[str]) -> str:
    """The whole script; ``knobs``: of the command that makes what the training starts from."""
    named = [command.value(flag) for command in commands for flag in INPUTS]
    start = ["make", "models", "data", f"runs/{run.profile}/{run.experiment}/.make/convert", *knobs]
    script = HEAD.format(
        experiment=run.experiment,
        profile=run.profile,
        inputs=" ".join(shlex.quote(path) for path in dict.fromkeys(named) if path),
        inputs_command=shlex.quote(" ".join(start)),
    )
    if any(run.settings(stage).get("use_cpu") for stage in LOGS):
        script += ON_CPU
    return script + "".join(map(call_of, commands, LOGS.values()))
