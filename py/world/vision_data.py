"""Pixels and labels for training the four stand-ins that see, and how well labels are read.

A *slot* is a half cell: slots 0–3 are the places for signs, 4–7 for things. A label is (colour, name), each
0 for nothing or 1 + its index; names are words for signs and shapes for things.
"""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from world.render import stored_pixels
from world.scene import COLOURS, SHAPES, WORDS, Scene, sample_scene, scene_stream
from world.standins import MEAN, STD

SLOTS = 8
COLOUR_CLASSES = 1 + len(COLOURS)
NAME_CLASSES = 1 + max(len(WORDS), len(SHAPES))
CLASSES = COLOUR_CLASSES + NAME_CLASSES


def draw(stream: str, start: int, count: int) -> list[Scene]:
    """Scenes ``start`` to ``start + count`` of a stream."""
    return [sample_scene(scene_stream(stream, index)) for index in range(start, start + count)]


def pixels(scenes: list[Scene]) -> torch.Tensor:
    """The stored images, normalised as CLIP's: (B, 3, 96, 96) float."""
    raw = torch.from_numpy(np.stack([stored_pixels(scene) for scene in scenes])).float() / 255
    return ((raw - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2).contiguous()


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


def label_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of colours plus that of names; logits (B, N, `CLASSES`), labels (B, N, 2)."""
    colour, name = logits.split((COLOUR_CLASSES, NAME_CLASSES), dim=-1)
    return cross_entropy(colour.flatten(0, 1), labels[..., 0].flatten()) + cross_entropy(
        name.flatten(0, 1), labels[..., 1].flatten()
    )


def patch_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The same over all patches of a 4 × 4 grid; logits (B, 16, `CLASSES`), labels of slots (B, 8, 2)."""
    return label_loss(logits, labels[:, patch_slots()])


@torch.no_grad()
def right_share(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of the patches where something is whose colour and name are both right; shapes as above."""
    labels = labels[:, patch_slots()]
    colour, name = logits.split((COLOUR_CLASSES, NAME_CLASSES), dim=-1)
    right = (colour.argmax(-1) == labels[..., 0]) & (name.argmax(-1) == labels[..., 1])
    return right[labels[..., 0] > 0].float().mean().item()
