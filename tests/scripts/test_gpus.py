"""How many GPUs there are, what fits on them, machines of a hostfile; with stand-ins for the tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builds import TRAINING_FLAGS

ROOT = Path(__file__).resolve().parents[2]
SMI = """#!/bin/sh
case $1 in
  -L) echo 'GPU 0: NVIDIA A10 (UUID: GPU-1)'; echo 'GPU 1: NVIDIA A10 (UUID: GPU-2)';;
  *) echo 'NVIDIA A10, 23028'; echo 'NVIDIA A10, 23028';;
esac
"""


@pytest.fixture
def tools(tmp_path):
    """A function that puts a program of the given text first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(name: str, text: str) -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    return folder, put


def bash(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess:
    kept = {k: v for k, v in os.environ.items() if k not in ("CUDA_VISIBLE_DEVICES", "DS_ACCELERATOR")}
    env = kept | {"PATH": f"{folder}:/usr/bin:/bin", "PYTHON": sys.executable} | environment
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text], env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("smi", "environment", "count"),
    [
        (True, {}, "2"),
        (True, {"CUDA_VISIBLE_DEVICES": "1"}, "1"),
        (True, {"CUDA_VISIBLE_DEVICES": "0,1,5"}, "3"),
        (True, {"CUDA_VISIBLE_DEVICES": ""}, "0"),
        (True, {"CUDA_VISIBLE_DEVICES": "-1"}, "0"),
        (True, {"DS_ACCELERATOR": "cpu"}, "0"),
        (False, {}, "0"),
    ],
)
def test_gpus_are_those_that_a_process_may_use(tools, smi, environment, count):
    folder, put = tools
    if smi:
        put("nvidia-smi", SMI)
    done = bash(
        folder, f"source {ROOT}/scripts/gpus.sh; count_gpus; resolve_gpus auto; resolve_gpus 7", **environment
    )
    assert done.stdout.split() == [count, str(max(int(count), 1)), "7"], done.stderr


def test_slots_of_a_hostfile_are_summed_and_a_line_without_them_is_refused(tools, tmp_path):
    folder, _ = tools
    (tmp_path / "good").write_text("# ours\none slots=4\n\ntwo slots=8 # the new one\n")
    (tmp_path / "bad").write_text("one slots=4\ntwo\n")
    (tmp_path / "empty").write_text("# none\n")
    source = f"source {ROOT}/scripts/gpus.sh"
    done = bash(folder, f"{source}; hostfile_slots {tmp_path}/good; hostfile_hosts {tmp_path}/good")
    assert done.stdout.split() == ["12", "one", "two"]
    for name in ("bad", "empty"):
        assert bash(folder, f"{source}; hostfile_slots {tmp_path}/{name}").returncode != 0


def pretrain(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess:
    needed = " ".join(TRAINING_FLAGS)
    return bash(
        folder, f"cd {folder} && {ROOT}/scripts/pretrain.sh {needed} {' '.join(flags)}", **environment
    )


@pytest.mark.parametrize(
    ("ssh", "hostfile", "flags", "words"),
    [
        ("exit 255", "far slots=2\n", [], "far does not answer"),
        ("if [ $6 = far ]; then exit 1; fi", "near slots=2\nfar slots=2\n", [], "far does not answer"),
        ("exit 0", "far slots=2\nnear slots=2\n", [], "pdsh"),
        ("exit 0", "far slots=2\n", ["--launcher", "torchrun"], "is for --launcher deepspeed"),
        ("exit 0", "localhost\n", [], "must be 'HOST slots=GPUS'"),
    ],
)
def test_a_machine_that_is_down_is_named_before_anything_is_loaded(
    tools, tmp_path, ssh, hostfile, flags, words
):
    folder, put = tools
    put("ssh", f"#!/bin/bash\n{ssh}\n")
    (tmp_path / "hosts").write_text(hostfile)
    done = pretrain(folder, "--hostfile", str(tmp_path / "hosts"), *flags)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    ("visible", "flags", "words"),
    [
        ("", [], "--num_gpus 1"),
        (None, [], "--num_gpus 2"),
        ("3,1,2", [], "--include localhost:3,1,2"),
        ("3,1,2", ["--num_gpus", "2"], "--include localhost:3,1"),
    ],
)
def test_deepspeed_trains_on_the_gpus_that_are_visible(tools, tmp_path, visible, flags, words):
    """Its launcher overrides CUDA_VISIBLE_DEVICES when it is given a number."""
    folder, put = tools
    put("nvidia-smi", SMI)
    put("python", f"#!/bin/sh\n[ $2 != deepspeed.launcher.runner ] || echo $* > {tmp_path}/started\necho 1\n")
    environment = {"PYTHON": str(folder / "python")}
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    done = pretrain(folder, "--per_device_train_batch_size", "1", *flags, **environment)
    assert f" {words} " in (tmp_path / "started").read_text(), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("visible", "flags", "words"),
    [
        (None, ["--num_gpus", "3"], "--num_gpus 3: there are 2 GPUs; lower NUM_GPUS"),
        ("1", ["--num_gpus", "2"], "--num_gpus 2: there are 1 GPUs in CUDA_VISIBLE_DEVICES=1; lower"),
        ("GPU-2", [], "CUDA_VISIBLE_DEVICES=GPU-2: DeepSpeed's launcher knows GPUs by number"),
    ],
)
def test_gpus_that_are_not_there_or_have_no_number_are_refused(tools, visible, flags, words):
    folder, put = tools
    put("nvidia-smi", SMI)
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    done = pretrain(folder, "--per_device_train_batch_size", "1", *flags, **environment)
    assert done.returncode == 1 and words in done.stderr and not (folder / "x").exists(), done.stderr


def plan(folder: Path, standin, *flags: str, **environment: str) -> subprocess.CompletedProcess:
    names = (
        "gemma-2b-it",
        "clip-vit-large-patch14-336",
        "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup",
    )
    options = ("--model_name_or_path", "--vision_tower", "--vision_tower_aux")
    models = " ".join(f"{option} {standin(name)}" for option, name in zip(options, names, strict=True))
    script = f"{sys.executable} {ROOT}/py/plan_batch.py --stage finetune --image_size_aux 96 {models}"
    return bash(folder, f"{script} {' '.join(flags)}", **environment)


def test_auto_takes_what_fits_on_the_gpus_that_are_there_and_the_official_number_without(tools, standin):
    folder, put = tools
    done = plan(folder, standin, "--global_batch_size 128 --gpus 2")
    assert done.stdout == "1\n", done.stderr
    put("nvidia-smi", SMI)
    done = plan(folder, standin, "--global_batch_size 128 --gpus 2")
    assert done.stdout == "16\n" and "16 samples at once on each of 2 GPUs (NVIDIA A10)" in done.stderr
    done = plan(folder, standin, "--global_batch_size 128 --gpus 3")
    assert done.returncode == 1 and "no multiple of 3 GPUs" in done.stderr
    for hidden in ({"CUDA_VISIBLE_DEVICES": ""}, {"DS_ACCELERATOR": "cpu"}):
        assert plan(folder, standin, "--global_batch_size 128 --gpus 2", **hidden).stdout == "1\n"
