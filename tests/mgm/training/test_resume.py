"""Which checkpoint a run goes on from, and what becomes of the others."""

from mgm.training.resume import complete, last_checkpoint, remove_checkpoints


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
