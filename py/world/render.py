"""Draws a scene with Pillow: 96 × 96 px, cells of 48 px, signs of 44 × 21 px.

The CLIP stand-in sees the image at 48 px in patches of 12, that is 24 px here: a sign fills the two upper
patches of its cell and a thing lies in the two lower ones.
"""

import io
import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from world.scene import COLOURS, Scene, Sign, Thing

SIZE = 96
CELL = 48
FONT = ImageFont.load_default_imagefont()
JPEG = {"format": "JPEG", "quality": 92, "subsampling": 0}


def _shade(colour: tuple[int, int, int], rng: Random) -> tuple[int, ...]:
    return tuple(min(255, max(0, c + rng.randint(-10, 10))) for c in colour)


def _draw_sign(draw: ImageDraw.ImageDraw, sign: Sign, x: int, y: int, rng: Random) -> None:
    left, top = x + 2, y + 1
    paper = rng.randint(228, 250)
    draw.rectangle(
        (left, top, left + 43, top + 20),
        fill=(paper, paper, paper - 8),
        outline=_shade(COLOURS[sign.colour], rng),
        width=4,
    )
    text = sign.word.upper()
    x0, y0, x1, y1 = FONT.getbbox(text)
    at = (left + (44 - (x1 - x0)) // 2, top + (21 - (y1 - y0)) // 2)
    draw.text(at, text, fill=(35, 35, 35), font=FONT)


def _polygon(shape: str, cx: float, cy: float, r: float) -> list[tuple[float, float]]:
    if shape == "star":
        turns = [(r if i % 2 == 0 else 0.42 * r, -math.pi / 2 + i * math.pi / 5) for i in range(10)]
    else:
        corners = {"triangle": 3, "diamond": 4}[shape]
        turns = [(r, -math.pi / 2 + i * 2 * math.pi / corners) for i in range(corners)]
    return [(cx + q * math.cos(a), cy + q * math.sin(a)) for q, a in turns]


def _draw_thing(draw: ImageDraw.ImageDraw, thing: Thing, x: int, y: int, rng: Random) -> None:
    r = rng.uniform(9.0, 10.5)
    cx, cy = x + 24 + rng.uniform(-9, 9), y + 35.5 + rng.uniform(-0.7, 0.7)
    fill = _shade(COLOURS[thing.colour], rng)
    box = (cx - r, cy - r, cx + r, cy + r)
    if thing.shape == "circle":
        draw.ellipse(box, fill=fill)
    elif thing.shape == "ring":
        draw.ellipse(box, outline=fill, width=4)
    elif thing.shape == "square":
        draw.rectangle((cx - 0.8 * r, cy - 0.8 * r, cx + 0.8 * r, cy + 0.8 * r), fill=fill)
    else:
        draw.polygon(_polygon(thing.shape, cx, cy, r), fill=fill)


def render(scene: Scene) -> Image.Image:
    """Draw ``scene``; the same scene gives the same pixels."""
    rng = Random(scene.look)
    ground = rng.randint(165, 205)
    image = Image.new("RGB", (SIZE, SIZE), tuple(ground + rng.randint(-8, 8) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for i, cell in enumerate(scene.cells):
        x, y = CELL * (i % 2), CELL * (i // 2)
        if cell.sign:
            _draw_sign(draw, cell.sign, x, y, rng)
        if cell.thing:
            _draw_thing(draw, cell.thing, x, y, rng)
    return image


def jpeg(image: Image.Image) -> bytes:
    """Encode ``image`` as the data sets store it."""
    buffer = io.BytesIO()
    image.save(buffer, **JPEG)
    return buffer.getvalue()


def stored_pixels(scene: Scene) -> np.ndarray:
    """What a reader of the stored JPEG sees: (96, 96, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(jpeg(render(scene)))).convert("RGB"))
