"""What decides a run's result changes its fingerprint, and is named; nothing else does."""

import json

import pytest

from mgm.checkpoint import read_config
from mgm.data import ConversationDataset
from mgm.training.fingerprint import changes, run_identity

SETTINGS = {
    "learning_rate": 1e-3,
    "seed": 1,
    "output_dir": "a",
    "save_steps": 5,
    "logging_steps": 1,
    "world_size": 1,
}


def test_what_changed_since_the_last_start_is_named_with_both_values():
    before = {"settings": SETTINGS | {"deepspeed": {"stage": 2}}, "inputs": {"llm": "a", "data": "b"}}
    now = {"settings": SETTINGS | {"world_size": 4, "save_steps": 9}, "inputs": {"llm": "a", "data": "c"}}
    assert changes(before, before) == ""
    assert changes(before, now) == "deepspeed, world_size 1 → 4, data"


@pytest.fixture
def identity(tiny_models, tiny_data, tiny_loaded, tmp_path):
    towers = {"mm_vision_tower": str(tiny_models.clip), "mm_vision_tower_aux": str(tiny_models.aux)}
    config = read_config(tiny_models.llm, **towers)
    records = json.loads((tiny_data / "data.json").read_text())

    def make(changed_record=None, adapter=None, **settings):
        data = tmp_path / "copy.json"
        data.write_text(json.dumps([*records[:-1], records[-1] | (changed_record or {})]))
        dataset = ConversationDataset(data, tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor)
        return run_identity({**SETTINGS, **settings}, config, str(tiny_models.llm), adapter, dataset)[
            "fingerprint"
        ]

    return make


def test_a_fingerprint_changes_with_what_decides_the_result_and_with_nothing_else(identity, tmp_path):
    mine = identity()
    assert identity(output_dir="b", save_steps=9, logging_steps=7, dataloader_num_workers=2) == mine
    assert identity(feature_cache="features", feature_cache_gb=7.0) == mine
    (tmp_path / "adapter.bin").write_bytes(b"1")
    others = [
        identity(learning_rate=2e-3),
        identity(seed=2),
        identity(world_size=2),
        identity(changed_record={"id": "other"}),
        identity(changed_record={"image": "images/0.png"}),
        identity(adapter=str(tmp_path / "adapter.bin")),
    ]
    assert len({mine, *others}) == 7
