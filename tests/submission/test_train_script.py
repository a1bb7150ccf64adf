"""output/train.sh: the words that the stage printed, with the values that the training recorded."""

import subprocess
from pathlib import Path

import pytest

from errors import BadInput
from submission.train_script import as_trained, call_of, read_command
from submissions import put

PRINTED = "+ /p/.venv/bin/python -u /p/py/train.py --output_dir /p/out --bf16 True --learning_rate 1e-3"


def command(tmp_path: Path, text: str, **settings):
    put(tmp_path / "stage.log", text)
    return read_command(tmp_path / "stage.log", settings)


def test_paths_are_seen_from_the_project_and_the_last_start_counts(tmp_path):
    found = command(tmp_path, f"{PRINTED.replace('1e-3', '7')}\nfailed\n{PRINTED}\n")
    assert found.launch == ["-u", "py/train.py"]
    assert found.value("output_dir") == "out" and found.value("learning_rate") == "1e-3"


@pytest.mark.parametrize("text", ["", "+ something else\n", "python py/train.py --seed 1\n"])
def test_a_log_without_the_command_is_refused(tmp_path, text):
    with pytest.raises(BadInput, match=r"stage.log: no line '\+ … py/train.py …'"):
        command(tmp_path, text)


@pytest.mark.parametrize(
    ("flags", "settings", "expected"),
    [
        (["--learning_rate", "1e-3"], {"learning_rate": 0.001}, ["--learning_rate", "1e-3"]),
        (["--learning_rate", "7"], {"learning_rate": 0.001}, ["--learning_rate", "0.001"]),
        (["--bf16", "True"], {"bf16": False}, ["--bf16", "False"]),
        (["--data_path", "a"], {"data_path": "b"}, ["--data_path", "b"]),
        (["--report_to", "none"], {"report_to": []}, ["--report_to", "none"]),
        (["--deepspeed", "z.json"], {"deepspeed": {"a": 1}}, ["--deepspeed", "z.json"]),
        (["--mine", "1"], {}, ["--mine", "1"]),
        ([], {"pretrain_mm_mlp_adapter": "p.bin"}, ["--pretrain_mm_mlp_adapter", "p.bin"]),
    ],
)
def test_the_values_are_those_trained_with(flags, settings, expected):
    assert as_trained(flags, settings) == expected


def test_the_lines_are_shell_that_gives_the_words_back(tmp_path):
    found = command(tmp_path, PRINTED)._replace(
        flags=["--output_dir", "out", "--name", "it's $HOME", "--n", "-2"]
    )
    script = (
        f"set -euo pipefail\npython() {{ printf '%s\\n' \"$@\"; }}\npython=python{call_of(found, 'a.log')}"
    )
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [*found.launch, *found.flags]
    assert (tmp_path / "out/a.log").read_text() == done.stdout
