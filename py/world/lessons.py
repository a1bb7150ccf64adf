"""Lessons for the Gemma stand-in: what an image holds, patch by patch, and a conversation about it."""

from dataclasses import dataclass
from random import Random

from world.captions import true_caption
from world.questions import DESCRIBE, ask_choice, ask_reading
from world.scene import PLACES, Scene, sample_scene, scene_stream

PATCHES = 16
# Facts: all that is there in any order, by name or by colour. It teaches to find by any key, a dozen times a
# lesson; a caption does so by place alone, and a choice once.
TASKS = ("caption", "reading", "facts", "choice")
ASK_FACTS = "What is on the image?"


def patch_words(scene: Scene) -> list[tuple[str, ...]]:
    """The words for each of the 16 patches, row by row (`world.vision_data.patch_slots`)."""
    out = []
    for p in range(PATCHES):
        row, column = divmod(p, 4)
        i = 2 * (row // 2) + column // 2
        cell, place = scene.cells[i], tuple(PLACES[i].split())
        if row % 2 == 0:
            out.append((cell.sign.colour, cell.sign.word, "sign", *place) if cell.sign else place)
        else:
            out.append((cell.thing.colour, cell.thing.shape, *place) if cell.thing else place)
    return out


def fact_list(scene: Scene, rng: Random) -> str:
    """Name, colour and place of everything, in random order; its name or colour comes first, as the key."""
    items = [(f"{sign.word} sign", sign.colour, place) for place, sign in scene.signs()]
    items += [(thing.shape, thing.colour, place) for place, thing in scene.things()]
    out = []
    for name, colour, place in rng.sample(items, len(items)):
        key, other = rng.sample((name, colour), 2)
        out.append(" ".join((key, *rng.sample((other, place), 2))))
    return ", ".join(out)


@dataclass
class Lesson:
    """One sample: what the prefix says, and the conversation around it."""

    task: str
    words: list[tuple[str, ...]]
    question: str
    answer: str


def lesson(stream: str, index: int, counts: tuple[int, ...], shares: tuple[float, ...]) -> Lesson:
    """Draw a lesson on a scene: how many signs and things it may have, and the shares of `TASKS`."""
    rng = scene_stream(stream, index)
    scene, task = sample_scene(rng, counts), rng.choices(TASKS, weights=shares)[0]
    if task == "caption":
        return Lesson(task, patch_words(scene), rng.choice(DESCRIBE), true_caption(scene))
    if task == "facts":
        return Lesson(task, patch_words(scene), ASK_FACTS, fact_list(scene, rng))
    asked = (ask_reading if task == "reading" else ask_choice)(scene, rng)
    return Lesson(task, patch_words(scene), asked.prompt(), asked.reply())
