"""Small pictures inside the page, with frames around what was read in them."""

import base64
import io
from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image, ImageDraw

SIDE, QUALITY = 160, 72  # of a thumbnail: the longer side in pixels, JPEG's quality
BOX = (255, 40, 160)


class Picture(NamedTuple):
    """A thumbnail; without ``source``, ``about`` says why there is none."""

    about: str
    source: str = ""
    width: int = 0
    height: int = 0


def thumbnail(image: Image.Image, about: str, boxes: Iterable[list] = ()) -> Picture:
    """``image`` made small, with ``boxes``; ``about`` says what it shows."""
    small, file = draw_boxes(image, boxes), io.BytesIO()
    small.save(file, "JPEG", quality=QUALITY, optimize=True)
    source = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return Picture(about, source, *small.size)


def draw_boxes(image: Image.Image, boxes: Iterable[list]) -> Image.Image:
    """``image`` made small, with a frame for each of ``boxes``, which are in its own pixels."""
    small = image.copy()
    small.thumbnail((SIDE, SIDE))
    draw = ImageDraw.Draw(small)
    across, down = small.width / image.width, small.height / image.height
    for left, top, right, bottom in boxes:
        right, bottom = max(left, right), max(top, bottom)
        frame = (left * across - 1, top * down - 1, right * across + 1, bottom * down + 1)
        draw.rectangle(frame, outline=BOX)
    return small
