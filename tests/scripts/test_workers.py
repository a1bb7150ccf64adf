"""DATALOADER_NUM_WORKERS=auto: what loads images, by the machine's cores; nproc is a stand-in."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/pretrain.sh"
NPROC = '#!/bin/sh\nif [ -n "${OMP_NUM_THREADS-}" ]; then echo "$OMP_NUM_THREADS"; else echo %d; fi\n'


def resolve(folder: Path, workers: str, cores: int, gpus: int, hostfile: str) -> subprocess.CompletedProcess:
    (folder / "nproc").write_text(NPROC % cores)
    (folder / "nproc").chmod(0o755)
    text = 'source "$(dirname "$0")/train_options.sh"; resolve_workers'
    knobs = {"dataloader_num_workers": workers, "num_gpus": str(gpus), "hostfile": hostfile}
    env = os.environ | knobs | {"PATH": f"{folder}:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = ["bash", "-euo", "pipefail", "-c", text, str(SCRIPT)]
    return subprocess.run(command, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("workers", "cores", "gpus", "hostfile", "resolved"),
    [
        ("auto", 64, 4, "", "4"),
        ("auto", 16, 4, "", "3"),
        ("auto", 8, 4, "", "1"),
        ("auto", 2, 4, "", "1"),
        ("auto", 2, 16, "hosts", "4"),
        ("6", 2, 4, "", "6"),
        ("0", 64, 1, "", "0"),
    ],
)
def test_workers_are_four_or_what_the_cores_leave(tmp_path, workers, cores, gpus, hostfile, resolved):
    assert resolve(tmp_path, workers, cores, gpus, hostfile).stdout == resolved + "\n"


@pytest.mark.parametrize("workers", ["many", "-1", ""])
def test_other_words_are_refused(tmp_path, workers):
    done = resolve(tmp_path, workers, 8, 1, "")
    assert done.returncode == 1 and "--dataloader_num_workers must be auto or a whole number" in done.stderr
