"""Needs are told before the first step, from the true samples; what cannot fit stops, what may not warns."""

from types import SimpleNamespace

import pytest
import torch

from costs.memory import sizes
from costs.sample import Sample
from costs.shapes import on_meta
from errors import BadInput
from mgm.data import ConversationDataset
from mgm.training import preflight as module
from mgm.training import room
from mgm.training.preflight import preflight, samples_of
from mgm.training.trainable import set_trainable


@pytest.fixture
def dataset(tiny_loaded, tiny_data):
    return ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )


def arguments(tmp_path, **changes):
    values = {
        "bf16": False,
        "deepspeed": None,
        "device": torch.device("cpu"),
        "world_size": 1,
        "activation_checkpointing": True,
        "per_device_train_batch_size": 2,
        "num_train_epochs": 1,
        "output_dir": str(tmp_path / "not" / "there"),
    }
    return SimpleNamespace(**values | changes)


def test_each_sample_counts_as_the_decoder_sees_it(dataset):
    samples = samples_of(dataset, patches=16)
    ids, labels = dataset.encode(0)
    assert samples[0] == Sample(len(ids) + 15, sum(label != -100 for label in labels), True)
    assert samples[4].has_image is False and samples[4].length == len(dataset.encode(4)[0])


def test_a_small_run_keeps_its_activations_and_says_what_it_needs(tiny_loaded, dataset, tmp_path):
    said = []
    assert preflight(tiny_loaded.model.config, True, arguments(tmp_path), dataset, said.append)[0] == "all"
    assert "without gradient checkpointing" in said[0]
    assert "FLOP for 22 samples" in said[1] and "disk:" in said[1] and len(said) == 2


def test_checkpointing_stays_on_where_memory_asks_and_off_where_it_was_never_on(
    tiny_loaded, dataset, tmp_path, monkeypatch
):
    little = SimpleNamespace(available=2_000_000)
    monkeypatch.setattr(room.psutil, "virtual_memory", lambda: little)
    said, config = [], tiny_loaded.model.config
    assert preflight(config, True, arguments(tmp_path), dataset, said.append)[0] == "inputs"
    assert any("warning" in line and "BATCH_SIZE_PER_GPU" in line for line in said)
    assert not any("GRADIENT_CHECKPOINTING" in line for line in said)
    off = arguments(tmp_path, activation_checkpointing=False)
    assert preflight(config, True, off, dataset, said.append)[0] == "all"
    assert "GRADIENT_CHECKPOINTING=True" in said[-1]


def on_gpu(tmp_path, **changes):
    zero = {"zero_optimization": changes.pop("zero", {})}
    return arguments(tmp_path, device=SimpleNamespace(type="cuda"), bf16=True, deepspeed=zero, **changes)


def test_weights_and_optimizer_that_exceed_the_gpu_stop_the_run(tiny_loaded, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(room.torch.cuda, "mem_get_info", lambda device: (1_000_000, 2_000_000))
    with pytest.raises(
        BadInput, match=r"weights and optimizer take .* has 1 MB free; .*zero2_offload.*NUM_GPUS"
    ):
        preflight(tiny_loaded.model.config, False, on_gpu(tmp_path), dataset, print)


@pytest.mark.parametrize(("world_size", "width"), [(1, 12), (4, 16)])
def test_without_deepspeed_a_gpu_holds_all_in_float32(tiny_loaded, tmp_path, monkeypatch, world_size, width):
    monkeypatch.setattr(room.torch.cuda, "mem_get_info", lambda device: (10**11, 10**11))
    model = on_meta(tiny_loaded.model.config)
    set_trainable(model, False)
    parameters, trained = sizes(model)
    args = arguments(tmp_path, device=SimpleNamespace(type="cuda"), world_size=world_size)
    assert room.room_for(model, args).states == 4 * parameters + width * trained


def test_a_host_without_room_for_the_optimizer_and_a_full_disk_are_warned_of(
    tiny_loaded, dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(room.torch.cuda, "mem_get_info", lambda device: (10**11, 10**11))
    monkeypatch.setattr(room.psutil, "virtual_memory", lambda: SimpleNamespace(available=1_000_000))
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    said = []
    args = on_gpu(tmp_path, zero={"offload_optimizer": {"device": "cpu"}})
    assert preflight(tiny_loaded.model.config, False, args, dataset, said.append)[0] == "all"
    assert any("of the machine's memory" in line and "zero2.json" in line for line in said)
    assert any("checkpoints may take" in line and "1 kB are free" in line for line in said)
