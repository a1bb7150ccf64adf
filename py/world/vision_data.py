"""Pixels and labels for training the four stand-ins that see.

A *slot* is a half cell: slots 0–3 are the places for signs, 4–7 for things. A label is (colour, name), each
0 for nothing or 1 + its index; names are words for signs and shapes for things.
"""

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from world.render import stored_pixels
from world.scene import COLOURS, SHAPES, WORDS, Scene, sample_scene, scene_stream
from world.standins import MEAN, STD

SLOTS = 8
COLOUR_CLASSES = 1 + len(COLOURS)
NAME_CLASSES = 1 + max(len(WORDS), len(SHAPES))


def draw(stream: str, start: int, count: int) -> list[Scene]:
    """Scenes ``start`` to ``start + count`` of a stream."""
    return [sample_scene(scene_stream(stream, index)) for index in range(start, start + count)]


def pixels(scenes: list[Scene]) -> torch.Tensor:
    """The stored images, normalised as CLIP's: (B, 3, 96, 96) float."""
    raw = torch.from_numpy(np.stack([stored_pixels(scene) for scene in scenes])).float() / 255
    return ((raw - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2).contiguous()


def halve(images: torch.Tensor) -> torch.Tensor:
    """(B, 3, 96, 96) → (B, 3, 48, 48), as bilinear interpolation by half does."""
    return avg_pool2d(images, 2)


def slot_labels(scenes: list[Scene]) -> torch.Tensor:
    """(B, 8, 2) colour and name of each slot."""
    colours = {name: i for i, name in enumerate(COLOURS, 1)}
    words = {name: i for i, name in enumerate(WORDS, 1)}
    shapes = {name: i for i, name in enumerate(SHAPES, 1)}
    rows = []
    for scene in scenes:
        signs = [(colours[c.sign.colour], words[c.sign.word]) if c.sign else (0, 0) for c in scene.cells]
        things = [
            (colours[c.thing.colour], shapes[c.thing.shape]) if c.thing else (0, 0) for c in scene.cells
        ]
        rows.append(signs + things)
    return torch.tensor(rows)


def patch_slots() -> torch.Tensor:
    """(16,) the slot of each patch of a 4 × 4 grid: signs are in the upper two of a cell, things below."""
    p = torch.arange(16)
    row, column = p // 4, p % 4
    return 4 * (row % 2) + 2 * (row // 2) + column // 2
