"""Whose checkpoint it is."""

import json

import pytest

from mgm.checkpoint import read_config
from mgm.data import ConversationDataset
from mgm.training.resume import changes, complete, last_checkpoint, remove_checkpoints, run_identity

SETTINGS = {
    "learning_rate": 1e-3,
    "seed": 1,
    "output_dir": "a",
    "save_steps": 5,
    "logging_steps": 1,
    "world_size": 1,
}


def checkpoint(folder, step: int, fingerprint: str | None = "mine"):
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "weights").write_text(str(step))
    if fingerprint:
        complete(path, fingerprint, step, samples=step, seconds=1.0)
    return path


def test_the_newest_complete_checkpoint_of_the_run_is_found(tmp_path):
    checkpoint(tmp_path, 90)
    newest = checkpoint(tmp_path, 100)
    assert last_checkpoint(tmp_path, "mine") == (newest, [])
    assert last_checkpoint(tmp_path / "nowhere", "mine") == (None, [])


def test_foreign_and_half_written_checkpoints_are_named_and_set_aside(tmp_path):
    mine = checkpoint(tmp_path, 5)
    checkpoint(tmp_path, 10, "other")
    checkpoint(tmp_path, 15, None)
    (tmp_path / "checkpoint-15.foreign").mkdir()  # from an earlier time
    found, notes = last_checkpoint(tmp_path, "mine")
    assert found == mine
    assert [note.split("; ")[0] for note in notes] == [
        f"{tmp_path}/checkpoint-10 belongs to other inputs or settings",
        f"{tmp_path}/checkpoint-15 is half-written",
    ]
    assert (tmp_path / "checkpoint-10.foreign/weights").read_text() == "10"
    assert (tmp_path / "checkpoint-15.foreign/weights").read_text() == "15"
    assert not (tmp_path / "checkpoint-10").exists()


def test_what_changed_since_the_last_start_is_named_with_both_values():
    before = {"settings": SETTINGS | {"deepspeed": {"stage": 2}}, "inputs": {"llm": "a", "data": "b"}}
    now = {"settings": SETTINGS | {"world_size": 4, "save_steps": 9}, "inputs": {"llm": "a", "data": "c"}}
    assert changes(before, before) == ""
    assert changes(before, now) == "deepspeed, world_size 1 → 4, data"


def test_what_is_left_of_a_removed_checkpoint_is_removed_and_only_the_last_set_aside_ones_are_kept(tmp_path):
    mine = checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 5, None)
    checkpoint(tmp_path, 20, "other")
    (tmp_path / "checkpoint-15.foreign").mkdir()
    found, notes = last_checkpoint(tmp_path, "mine")
    assert found == mine and len(notes) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-20.foreign"]


def test_a_checkpoint_that_was_cut_short_is_set_aside(tmp_path):
    checkpoint(tmp_path, 5)
    (checkpoint(tmp_path, 10) / "weights").write_text("1")
    found, [note] = last_checkpoint(tmp_path, "mine")
    assert found == tmp_path / "checkpoint-5" and "checkpoint-10 is damaged" in note


def test_only_the_newest_are_kept(tmp_path):
    for step in (5, 10, 100):
        checkpoint(tmp_path, step)
    remove_checkpoints(tmp_path, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-100"]
    remove_checkpoints(tmp_path)
    assert not list(tmp_path.iterdir())


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
