"""Batches: what fits, always multiplied out; what does not fit is told with the knob that helps."""

import json

import pytest

import costs.plan
from costs.batch import Machine, Training, offloads
from costs.gpus import gpu, teraflops_of
from costs.memory import SHARE, step_memory
from costs.plan import LONGEST, plan, why_not
from errors import BadInput

pytestmark = pytest.mark.usefixtures("measured_once")


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    ("name", "gpus", "offload"),
    [("A10", 1, True), ("A10", 4, True), ("A800", 4, False), ("A100", 8, False), ("A100-40GB", 2, True)],
)
def test_the_plan_fits_and_multiplies_out(mgm_2b, stage, name, gpus, offload):
    whole = 256 if stage == "pretrain" else 128
    machine = Machine(gpu(name), gpus, offload, checkpointing=True)
    batch, kept = plan(mgm_2b, Training(stage, whole), machine)
    assert batch >= 1 and whole % (batch * gpus) == 0
    costs.plan.prepare(mgm_2b, stage, kept)
    assert step_memory(mgm_2b, batch, LONGEST[stage], gpus, offload).gpu <= SHARE * machine.gpu.memory


def test_more_memory_needs_nothing_twice(mgm_2b):
    """With each batch 10 GB of gradients leave an A10: better eight samples at once, computed twice."""
    training = Training("finetune", 128)
    assert plan(mgm_2b, training, Machine(gpu("A10"), 1, True, True)) == (8, "inputs")
    assert plan(mgm_2b, training, Machine(gpu("A100-40GB"), 2, True, True)) == (8, "products")
    assert plan(mgm_2b, training, Machine(gpu("A800"), 4, False, True)) == (4, "all")


def test_a_batch_given_by_hand_stays(mgm_2b):
    assert plan(mgm_2b, Training("finetune", 128, 1), Machine(gpu("A10"), 1, True, True)) == (1, "all")
    assert plan(mgm_2b, Training("pretrain", 256, 8), Machine(gpu("A10"), 1, True, True)) == (8, "inputs")


def test_without_checkpointing_allowed_fewer_samples_fit(mgm_2b):
    batch, kept = plan(mgm_2b, Training("finetune", 128), Machine(gpu("A10"), 1, True, False))
    assert 0 < batch < 8 and kept == "all"


def test_what_does_not_fit_is_told_with_the_knobs_that_help(mgm_2b):
    machine = Machine(gpu("A10"), 1, offload=False, checkpointing=False)
    training = Training("finetune", 128)
    assert plan(mgm_2b, training, machine)[0] == 0
    message = why_not(mgm_2b, training, machine)
    for words in (
        "finetune: 1 of",
        "A10 has 24.1 GB",
        "GRADIENT_CHECKPOINTING=True",
        "zero2_offload.json",
        "more GPUs",
    ):
        assert words in message
    by_hand = why_not(mgm_2b, Training("pretrain", 256, 64), Machine(gpu("A10"), 1, True, True))
    assert "PRETRAIN_BATCH_SIZE_PER_GPU=auto" in by_hand and "zero2_offload" not in by_hand


@pytest.mark.parametrize(
    ("gpus", "batch", "words"), [(3, 0, "no multiple of 3 GPUs"), (4, 5, "no multiple of 5 a GPU × 4 GPUs")]
)
def test_a_global_batch_that_does_not_multiply_out_is_refused(mgm_2b, gpus, batch, words):
    with pytest.raises(BadInput, match=words) as error:
        plan(mgm_2b, Training("finetune", 128, batch), Machine(gpu("A100"), gpus, True, True))
    assert "FINETUNE_BATCH_SIZE_PER_GPU" in str(error.value) and "NUM_GPUS" in str(error.value)


def test_without_a_gpu_the_official_batch_is_taken_or_the_next_that_multiplies_out(mgm_2b):
    for stage, whole, processes, expected in (
        ("pretrain", 256, 1, 4),
        ("finetune", 128, 2, 1),
        ("pretrain", 256, 128, 2),
        ("pretrain", 9, 3, 3),
    ):
        assert plan(mgm_2b, Training(stage, whole), Machine(None, processes, True, True))[0] == expected


@pytest.mark.parametrize(
    ("text", "teraflops", "gib"), [("a10", 125, 22.5), ("A100-40GB", 312, 40), ("mine:200.5:48", 200.5, 48)]
)
def test_gpus_are_known_by_name_or_described(text, teraflops, gib):
    found = gpu(text)
    assert found.teraflops == teraflops and found.memory / 2**30 == pytest.approx(gib, rel=0.01)


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA A10", 125),
        ("NVIDIA A10G", 70),
        ("NVIDIA A100 80GB PCIe", 312),
        ("NVIDIA RTX A6000", 155),
        ("NVIDIA L4", 121),
        ("NVIDIA L40", 181),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA GeForce RTX 3090", 71),
        ("NVIDIA A2", 0),
    ],
)
def test_a_gpu_counts_as_the_one_whose_whole_name_it_has(name, teraflops):
    assert teraflops_of(name) == teraflops


@pytest.mark.parametrize("text", ["V100", "T4", "A11", "mine:fast:48", "mine:0:48", "mine:1:2:3"])
def test_a_gpu_without_bfloat16_or_unknown_is_refused(text):
    with pytest.raises(BadInput, match=f"GPU={text}"):
        gpu(text)


def test_the_deepspeed_file_says_whether_the_optimizer_is_offloaded(tmp_path):
    assert offloads(None) is False
    for name, zero in (("a", {"offload_optimizer": {"device": "cpu"}}), ("b", {})):
        (tmp_path / name).write_text(json.dumps({"zero_optimization": zero}))
        assert offloads(tmp_path / name) is bool(zero)
