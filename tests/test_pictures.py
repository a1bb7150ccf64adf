"""A picture is decoded to its last byte, or named with what is wrong."""

import errno
import io
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageFile

from errors import BadInput
from pictures import read_picture


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


def test_a_picture_that_the_machine_cannot_read_now_is_not_called_broken(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(encoded("png"))
    for error in (MemoryError(), OSError(errno.EMFILE, "Too many open files")):
        monkeypatch.setattr(Image, "open", Mock(side_effect=error))
        with pytest.raises(type(error)) as raised:
            read_picture(path, "x", "restore it")
        assert raised.value is error


def test_a_sound_picture_is_read_from_path_and_memory_alike(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(encoded("png"))
    from_path = read_picture(path, "x", "restore it")
    from_memory = read_picture(io.BytesIO(path.read_bytes()), "x", "restore it")
    assert from_path.mode == "RGB" and from_path.tobytes() == from_memory.tobytes()


def test_shrinking_decodes_a_jpeg_at_a_fraction_of_its_size():
    shrunk = read_picture(io.BytesIO(encoded("jpeg", side=64)), "x", "restore it", shrink=8)
    assert shrunk.size == (8, 8)


def stored(picture: Image.Image, kind: str, **options) -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    buffer.seek(0)
    return buffer


def test_cmyk_sixteen_bits_and_transparency_become_rgb():
    red = read_picture(stored(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "jpeg"), "x", "restore it")
    assert red.getpixel((4, 4)) == (255, 0, 0)
    grey = np.array([[0, 0x4000], [0x8000, 0xFFFF]], dtype=np.uint16)
    levels = np.asarray(read_picture(stored(Image.fromarray(grey), "png"), "x", "restore it"))
    assert levels[..., 0].tolist() == [[0, 64], [128, 255]], "not clipped to white"
    clear = read_picture(stored(Image.new("RGBA", (2, 2), (9, 8, 7, 0)), "png"), "x", "restore it")
    assert clear.getpixel((0, 0)) == (9, 8, 7)


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    first = read_picture(stored(frames[0], "gif", save_all=True, append_images=frames[1:]), "x", "restore it")
    assert first.getpixel((0, 0)) == (255, 0, 0)


def test_a_rotation_in_exif_is_not_carried_out_as_in_the_official_training():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    tall = read_picture(stored(Image.new("RGB", (8, 4)), "jpeg", exif=exif), "x", "restore it")
    assert tall.size == (8, 4)


def test_a_picture_of_400_million_pixels_is_refused_before_it_takes_memory():
    huge = stored(Image.new("1", (20_000, 20_000)), "png")
    with pytest.raises(BadInput, match=r"^x cannot be read \(Image size \(400000000 pixels\) exceeds limit"):
        read_picture(huge, "x", "restore it", shrink=8)
