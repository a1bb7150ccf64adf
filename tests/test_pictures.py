"""A picture is decoded to its last byte, or named with what is wrong."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from pictures import read_picture
from records import BadInput


def encoded(kind: str, side: int = 60) -> bytes:
    """Noise, so that a file cut short lacks pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


FAULTS = {
    "missing": (None, "is missing"),
    "empty": (b"", r"is empty \(0 bytes\)"),
    "a page": (b"<html>404</html>", "cannot be read"),
    "a PNG cut short": (encoded("png")[:-3000], "cannot be read"),
    "a JPEG cut short": (encoded("jpeg")[:-300], "cannot be read"),
}


@pytest.mark.parametrize("shrink", [1, 8])
@pytest.mark.parametrize("kind", FAULTS)
def test_an_unreadable_picture_is_an_error_with_name_and_remedy(tmp_path, monkeypatch, kind, shrink):
    content, reason = FAULTS[kind]
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as an import of Data-Juicer leaves it
    with pytest.raises(BadInput, match=f"^image 7 {reason}.*; restore it$"):
        read_picture(path, "image 7", "restore it", shrink)


def test_a_sound_picture_is_read_from_path_and_memory_alike(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(encoded("png"))
    from_path = read_picture(path, "x", "restore it")
    from_memory = read_picture(io.BytesIO(path.read_bytes()), "x", "restore it")
    assert from_path.mode == "RGB" and from_path.tobytes() == from_memory.tobytes()


def test_shrinking_decodes_a_jpeg_at_a_fraction_of_its_size():
    shrunk = read_picture(io.BytesIO(encoded("jpeg", side=64)), "x", "restore it", shrink=8)
    assert shrunk.size == (8, 8)
