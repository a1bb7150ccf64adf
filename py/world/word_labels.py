"""What each word of a caption is about: labels for training the stand-in that matches captions to images."""

import torch

from world.scene import Scene
from world.vision_data import COLOUR_CLASSES, slot_labels

NO_FACT = -100


def fact_places(scene: Scene) -> list[int]:
    """Per token of the scene's caption: where in flat slot labels (16) the named fact is, or `NO_FACT`."""
    places = [NO_FACT]  # [CLS]
    for i, cell in enumerate(scene.cells):
        if cell.sign or cell.thing:
            places += [NO_FACT] * 2  # top left
            if cell.sign:
                places += [2 * i, 2 * i + 1, NO_FACT]  # red lamp sign
            if cell.sign and cell.thing:
                places += [NO_FACT]  # above
            if cell.thing:
                places += [2 * (4 + i), 2 * (4 + i) + 1]  # blue star
            places += [NO_FACT]  # a comma, at the end [SEP]
    return places


def word_labels(images: list[Scene], captions: list[Scene], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, L) twice: what the image has where the word is about, and whether that is what it says."""
    places = torch.tensor([[*each, *[NO_FACT] * (length - len(each))] for each in map(fact_places, captions)])
    named = places != NO_FACT
    offset = torch.tensor([0, COLOUR_CLASSES])  # names come after colours
    seen, said = (
        (slot_labels(scenes) + offset).flatten(1).gather(1, places.clamp(min=0))
        for scenes in (images, captions)
    )
    return seen.where(named, NO_FACT), (seen == said).long().where(named, NO_FACT)
