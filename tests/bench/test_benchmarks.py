"""The benchmarks of this folder that have something to get wrong without a clock."""

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

import demo
import input as loading
import numpy as np

from errors import BadInput


@pytest.fixture
def photos(tmp_path):
    """A folder of two JPEG files, smooth as photographs are, wide and high."""
    rng = np.random.default_rng(5)
    for name, size in (("wide", (60, 40)), ("high", (45, 70))):
        noise = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        noise.resize(size, Image.Resampling.BICUBIC).save(tmp_path / f"{name}.jpg")
    return tmp_path


def test_a_faster_way_that_differs_is_seen_to_differ(photos, monkeypatch):
    monkeypatch.setattr(loading, "SIDE", 64)
    paths = sorted(photos.glob("*.jpg"))
    rows = {row["name"]: row for row in loading.tried_rows(paths)}
    assert rows["tried_draft_jpeg"]["value"] > 1e-4 and rows["tried_torch_resize"]["value"] > 1e-4
    assert all(row["detail"]["images"] == 2 and row["target"] is None for row in rows.values())
    monkeypatch.setattr(loading, "draft", lambda data: Image.open(io.BytesIO(data)).convert("RGB"))
    [same] = [row for row in loading.tried_rows(paths) if row["name"] == "tried_draft_jpeg"]
    assert same["value"] == 0


@pytest.mark.parametrize("way", ["as_now", "crop_in_one", "by_torch"])
def test_every_way_keeps_the_middle_square(photos, monkeypatch, way):
    monkeypatch.setattr(loading, "SIDE", 64)
    for path in photos.glob("*.jpg"):
        picture = Image.open(path).convert("RGB")
        ours, theirs = (np.asarray(f(picture), float) for f in (loading.as_now, getattr(loading, way)))
        assert theirs.shape == (64, 64, 3) and np.abs(ours - theirs).max() <= 3
        turned = np.asarray(loading.as_now(picture.transpose(Image.Transpose.ROTATE_180)), float)
        assert np.abs(ours - turned).max() > 3


def test_images_are_spread_over_the_folder_and_a_folder_without_any_is_named(photos, tmp_path):
    for number in range(10):
        Image.new("RGB", (2, 2)).save(photos / f"x{number}.jpg")
    assert [path.stem for path in loading.pictures(photos, 3)] == ["high", "x2", "x6"]
    assert len(list(loading.pictures(photos, 100))) == 12
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty: no \.jpg in it"):
        list(loading.pictures(tmp_path / "empty", 3))


def test_the_copy_that_is_built_has_what_git_would_have_and_nothing_built(tmp_path):
    demo.copy_tree(tmp_path)
    assert (tmp_path / "py/records.py").read_bytes() == (demo.ROOT / "py/records.py").read_bytes()
    assert (tmp_path / "scripts/synth.sh").stat().st_mode & 0o111
    assert not any((tmp_path / name).exists() for name in ("data", "models", "runs"))


def test_a_make_that_fails_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setenv("EXP", "of the caller")
    (tmp_path / "Makefile").write_text("good:\n\t@echo [$(EXP)]\nbad:\n\t@echo why >&2; false\n")
    assert demo.make(tmp_path, "good") == "[]\n"
    with pytest.raises(BadInput, match=r"make bad failed(.|\n)*why"):
        demo.make(tmp_path, "bad")
