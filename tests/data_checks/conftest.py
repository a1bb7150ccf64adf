"""Own sets with one fault each, checked in this process."""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from data_checks.findings import Findings
from workers import Workers


@pytest.fixture
def found() -> Callable[..., list[dict]]:
    """A function that runs a check, with one worker if it takes ``after``, and returns what it found."""

    def run(check: Callable, *before, after: tuple = ()) -> list[dict]:
        file = io.StringIO()
        with Workers(1) as workers:
            check(*before, Findings(file), *([workers, *after] if after is not None else []))
        return [json.loads(line) for line in file.getvalue().splitlines()]

    return run


@pytest.fixture(scope="session")
def all_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images/: sound ones 0.png to 9.png, and one of each kind that is not."""
    folder = tmp_path_factory.mktemp("pictures") / "own"
    (folder / "images").mkdir(parents=True)
    for number in range(10):
        Image.effect_noise((40 + number, 50), 60).convert("RGB").save(folder / f"images/{number}.png")
    (folder / "images/empty.png").touch()
    (folder / "images/html.jpg").write_text("<html>")
    whole = (folder / "images/0.png").read_bytes()
    (folder / "images/cut.png").write_bytes(whole[:-400])
    (folder / "images/twin.png").write_bytes(whole)
    (folder / "images/bomb.png").write_bytes(bomb())
    Image.new("RGB", (31, 90), "red").save(folder / "images/small.png")
    Image.new("L", (40, 40), 9).save(folder / "images/grey.png")
    frames = [Image.new("RGB", (40, 42), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "images/two.tif", save_all=True, append_images=frames[1:])
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 41), "blue").save(folder / "images/turned.jpg", exif=turned)
    return folder


def bomb() -> bytes:
    """A PNG whose header speaks of 20,000 × 20,000 pixels."""
    file = io.BytesIO()
    Image.new("1", (8, 8)).save(file, "PNG")
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + file.getvalue()[24:29]
    return file.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + file.getvalue()[33:]


@pytest.fixture
def pictures(all_pictures: Path, tmp_path: Path) -> Path:
    """A copy of `all_pictures`, for a set to be written into."""
    return shutil.copytree(all_pictures, tmp_path / "own")
