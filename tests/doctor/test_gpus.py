"""GPUs, by recorded answers of nvidia-smi and torch."""

import shutil
from pathlib import Path

import pytest

from doctor import gpu_state, gpus, nvidia_smi
from doctor.wanted import Wanted

ROOT = Path(__file__).resolve().parents[2]

PLAIN = "| NVIDIA-SMI 580.65.06    Driver Version: 580.65.06    CUDA Version: 13.0     |"
BASIC = "{index}, NVIDIA A10, GPU-{index}, 580.65.06, {total}, {used}"
MORE = "8.6, {ecc}, {persistence}, {mig}, {mode}"
USUAL = {"total": 23028, "used": 1, "ecc": 0, "persistence": "Enabled", "mig": "[N/A]", "mode": "Default"}


def torch_of(count=1, **changes):
    """What probe_torch.py prints on a sound machine."""
    device = {"name": "NVIDIA A10", "capability": [8, 6], "fault": ""}
    seen = {
        "torch": "2.14.1+cu130",
        "cuda": "13.0",
        "said": "",
        "devices": [dict(device) for _ in range(count)],
    }
    return seen | {"nccl": True, "no_peers": []} | changes


@pytest.fixture
def cards(machine):
    """A function that puts an nvidia-smi on PATH which lists ``count`` cards, with changes to the first."""

    def put(count=1, plain=PLAIN, apps="", more=True, **changes):
        rows = [USUAL | {"index": index} | (changes if index == 0 else {}) for index in range(count)]
        answers = {"plain": plain, "apps": apps}
        answers["basic"] = "\n".join(BASIC.format(**row) for row in rows)
        answers["more"] = "\n".join(MORE.format(**row) for row in rows)
        for name, text in answers.items():
            (machine.bin / name).write_text(text + "\n")
        cat = f"{shutil.which('cat')} {machine.bin}"
        refused = "echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2"
        machine.program(
            "nvidia-smi",
            f"case $* in *compute-apps*) {cat}/apps;; *compute_cap*) {f'{cat}/more' if more else refused};;"
            f" *index*) {cat}/basic;; *) {cat}/plain;; esac",
        )
        machine.torch = torch_of(count)

    return put


def test_a_machine_with_a_gpu_is_sound(about, machine, cards):
    cards()
    (machine.folder / "env/requirements.lock").write_text("nvidia-cuda-runtime==13.0.96 \\\n")
    for check in (*gpus.CHECKS, *gpu_state.CHECKS):
        assert about(check).level == "ok", about(check)


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (None, "use a machine with an NVIDIA GPU"),
        ("echo 'NVIDIA-SMI has failed: it could not communicate with the driver.'; exit 9", "reboot"),
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "reboot"),
        ("echo 'No devices were found'; exit 6", "use a machine with an NVIDIA GPU"),
    ],
)
def test_without_a_gpu_the_official_profiles_stop_and_the_demo_does_not(machine, about, body, remedy):
    if body:
        machine.program("nvidia-smi", body)
    machine.torch = torch_of(0)
    found = about(gpus.presence)
    assert found.level == "error" and remedy in found.remedy
    assert about(gpus.presence, profile="demo").level == "ok"
    machine.environ["DS_ACCELERATOR"] = "cpu"
    assert about(gpus.presence).level == "warning", "asked for by name"


def test_a_gpu_that_nvidia_smi_cannot_tell_of_would_not_train_in_bfloat16(machine, about):
    machine.torch = torch_of(1)
    assert "utility" in about(gpus.presence).remedy


@pytest.mark.parametrize(
    ("header", "torch", "level", "words"),
    [
        ("CUDA Version: 13.0", "13.0", "ok", "for CUDA 13.0"),
        ("CUDA Version: 12.8", "13.0", "error", "install a driver for CUDA 13.0"),
        ("CUDA UMD Version: 13.1", "13.0", "ok", "for CUDA 13.1"),
        ("CUDA Version: 13.0", None, "error", "without TORCH_INDEX"),
        ("no version at all", "13.0", "ok", "580.65.06"),
    ],
)
def test_the_driver_must_know_torchs_cuda(machine, about, cards, header, torch, level, words):
    cards(plain=header)
    machine.torch = torch_of(cuda=torch)
    found = about(gpus.driver)
    assert found.level == level and words in found.line()


def test_before_the_installation_the_lock_file_says_which_cuda(machine, about, cards):
    cards(plain="CUDA Version: 12.4")
    machine.torch = {}
    (machine.folder / "env/requirements.lock").write_text("torch==2.14.1\nnvidia-cuda-runtime==13.0.96 \\\n")
    assert "torch is built for CUDA 13.0" in about(gpus.driver).found and about(gpus.driver).level == "error"


@pytest.mark.parametrize(
    ("listed", "seen", "chosen", "num_gpus", "level", "words"),
    [
        (4, 4, None, 4, "ok", "4 of 4"),
        (4, 2, "0,1", 2, "ok", "CUDA_VISIBLE_DEVICES=0,1"),
        (4, 2, None, 2, "warning", "dmesg"),
        (4, 1, "0,9", 1, "warning", "correct CUDA_VISIBLE_DEVICES"),
        (2, 2, None, 4, "error", "NUM_GPUS=2"),
        (4, 4, None, 1, "ok", "4 of 4, NUM_GPUS=1"),
        (1, 0, "", 1, "error", "unset CUDA_VISIBLE_DEVICES"),
        (1, 0, None, 1, "error", "mend the driver"),
    ],
)
def test_torch_sees_what_the_driver_and_the_knobs_say(
    machine, about, cards, listed, seen, chosen, num_gpus, level, words
):
    cards(listed)
    machine.torch = torch_of(seen)
    if chosen is not None:
        machine.environ["CUDA_VISIBLE_DEVICES"] = chosen
    found = about(gpus.visible, num_gpus=num_gpus)
    assert found.level == level and words in found.line()


def test_what_torch_says_of_the_driver_is_passed_on(machine, about, cards):
    cards()
    machine.torch = torch_of(0, said="CUDA initialization: The NVIDIA driver on your system is too old")
    assert "too old" in about(gpus.visible).found


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, "ok", "computes"),
        ({"capability": [7, 5]}, "error", "no bfloat16"),
        ({"fault": "CUDA error: no kernel image is available"}, "error", "no kernel image"),
    ],
)
def test_each_gpu_computes_in_bfloat16(machine, about, change, level, words):
    machine.torch = torch_of(1)
    machine.torch["devices"][0] |= change
    found = about(gpus.kernels, "GPU 0")
    assert found.level == level and words in found.found


def test_different_gpus_in_one_machine_are_named(machine, about):
    machine.torch = torch_of(2)
    machine.torch["devices"][1]["name"] = "NVIDIA T4"
    assert about(gpus.kernels, "GPU kinds", num_gpus=2).level == "warning"


@pytest.mark.parametrize(
    ("change", "level"), [({}, "ok"), ({"nccl": False}, "error"), ({"no_peers": [[0, 1], [1, 0]]}, "warning")]
)
def test_several_gpus_can_talk_to_each_other(machine, about, change, level):
    machine.torch = torch_of(2, **change)
    assert about(gpus.kernels, "NCCL", num_gpus=2).level == level


@pytest.mark.parametrize(
    ("changes", "knobs", "level", "words"),
    [
        ({}, {}, "ok", "24 GB"),
        ({"total": 8192}, {}, "error", "is the least"),
        ({"total": 12288}, {}, "warning", "PRETRAIN_BATCH_SIZE_PER_GPU=1"),
        ({"total": 32768}, {"deepspeed_config": "plain.json"}, "error", "configs/zero2_offload.json"),
        ({"used": 9000, "apps": "GPU-0, 4711, python"}, {}, "warning", "python (4711)"),
        ({"used": 9000}, {}, "warning", "not seen from here"),
        ({"total": "[N/A]", "used": "[N/A]"}, {}, "ok", "unknown"),
    ],
)
def test_memory_of_a_gpu_is_enough_and_free(about, cards, changes, knobs, level, words):
    cards(**changes)
    found = about(gpu_state.memory, "GPU 0 memory", **knobs)
    assert found.level == level and words in found.line()


@pytest.mark.parametrize(
    ("changes", "knobs", "level", "words"),
    [
        ({}, {}, "ok", "no memory errors"),
        ({"ecc": "[N/A]"}, {}, "ok", "no memory errors"),
        ({"ecc": 3}, {}, "warning", "3 memory errors"),
        ({"mig": "Enabled"}, {}, "warning", "MIG"),
        ({"mig": "Enabled"}, {"num_gpus": 2}, "error", "cannot train together"),
        ({"mode": "Prohibited"}, {}, "error", "nvidia-smi -i 0 -c DEFAULT"),
        ({"persistence": "Disabled"}, {}, "warning", "-pm 1"),
        ({"more": False}, {}, "ok", "not told by this driver"),
    ],
)
def test_the_state_of_a_gpu(about, cards, changes, knobs, level, words):
    cards(**changes)
    found = about(gpu_state.state, "GPU 0 state", **knobs)
    assert found.level == level and words in found.line()


def test_an_nvidia_smi_that_hangs_is_an_answer_too(machine, about, monkeypatch):
    machine.program("nvidia-smi", f"exec {shutil.which('sleep')} 60")
    machine.torch = torch_of(0)
    run = machine.run
    machine.run = lambda *command, **_: run(*command, seconds=0.2)
    assert "no answer within" in about(gpus.presence).found


@pytest.mark.parametrize(
    ("environ", "count"),
    [
        ({}, 4),
        ({"CUDA_VISIBLE_DEVICES": "0,2"}, 2),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 0),
        ({"DS_ACCELERATOR": "cpu"}, 0),
    ],
)
def test_auto_counts_gpus_as_the_stages_do(machine, cards, environ, count):
    cards(4)
    for name in ("grep", "tr"):
        (machine.bin / name).symlink_to(shutil.which(name))
    machine.program("listing", "for i in 0 1 2 3; do echo GPU $i: NVIDIA A10; done")
    smi = (machine.bin / "nvidia-smi").read_text()
    machine.program(
        "nvidia-smi", smi.split("\n", 1)[1].replace("case $* in", f"case $* in -L) {machine.bin}/listing;;")
    )
    machine.environ |= environ
    assert nvidia_smi.usable(machine) == count
    assert nvidia_smi.num_gpus(machine, Wanted("10k")) == (count or 1)
    assert nvidia_smi.num_gpus(machine, Wanted("10k", num_gpus=3)) == 3
    script = f"source {ROOT}/scripts/gpus.sh; count_gpus"
    assert machine.run(shutil.which("bash"), "-c", script).out.split() == [str(count)]
