"""Two machines of a hostfile train as one does; ssh and pdsh are stand-ins that run everything here."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SSH = """#!/bin/bash
while [ $# -gt 0 ]; do case $1 in -n) shift;; -o) shift 2;; *) break;; esac; done
shift
eval "$@"
"""
PDSH = """#!/bin/bash
while [ $# -gt 0 ]; do
  case $1 in -S) shift;; -f) shift 2;; -w) hosts=${2//,/ }; shift 2;; *) break;; esac
done
set -o pipefail
command="$*" node=0 started=()
for host in $hosts; do
  (bash -c "${command//%n/$node}" 2>&1 | sed -u "s/^/$host: /") & started+=($!)
  node=$((node + 1))
done
for process in "${started[@]}"; do wait "$process" || exit; done
"""


def losses(log: Path) -> list[float]:
    return [float(loss) for loss in re.findall(r"'loss': ([\d.]+)", log.read_text())]


@pytest.mark.slow
def test_two_machines_give_the_losses_of_one(tiny_models, tiny_data, forks, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("ssh", SSH), ("pdsh", PDSH)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (tmp_path / "hosts").write_text("localhost slots=1\n127.0.0.1 slots=1\n")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("DS_", "RANK", "MASTER_"))
    }
    environment = kept | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHON": str(forks.python)}
    environment |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    shared = [
        "--data_path",
        str(tiny_data / "data.json"),
        "--image_folder",
        str(tiny_data),
        "--bf16",
        "False",
    ]
    shared += ["--deepspeed", str(ROOT / "configs/zero2.json"), "--model_max_length", "512"]
    shared += [
        "--dataloader_num_workers",
        "0",
        "--global_batch_size",
        "8",
        "--per_device_train_batch_size",
        "4",
    ]
    found = {}
    for name, flags in (("one", ["--launcher", "python"]), ("two", ["--hostfile", str(tmp_path / "hosts")])):
        command = [str(ROOT / "scripts/finetune.sh"), *tiny_models.flags(), *shared, *flags]
        command += ["--output_dir", str(tmp_path / name), "--learning_rate", "1e-3"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        found[name] = losses(tmp_path / name / "finetuning.log")
        assert json.loads((tmp_path / name / "train_summary.json").read_text())["samples"] == 22
    assert found["two"] == pytest.approx(found["one"], abs=2e-4) and len(found["one"]) == 3
    assert "localhost: {'loss'" in (tmp_path / "two/finetuning.log").read_text()
