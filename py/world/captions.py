"""Captions: the true one of a scene, and the noisy ones that the web would give it."""

from dataclasses import replace
from random import Random

from world.scene import COLOURS, PLACES, SHAPES, WORDS, Cell, Scene, sample_scene

# What kind of caption the seed set has, as shares of one. With a fifth right, pretraining on the seed only
# sometimes finds what the words mean: its scores scatter from chance to two thirds of the best.
NOISE = {"right": 0.12, "partly wrong": 0.28, "other image": 0.3, "boilerplate": 0.3}

BOILERPLATE = (
    "stock photo royalty free image of the day",
    "buy now best price free shipping on all orders",
    "image may contain text and shapes",
    "click here for more photos of this set",
    "photo number 12 of 48 in our gallery",
    "high resolution wallpaper free download",
    "vector illustration for your design",
    "picture of the week posted by admin",
)


def cell_phrase(place: str, cell: Cell) -> str:
    """Name what one cell holds: ``top left red lamp sign above blue star``."""
    parts = []
    if cell.sign:
        parts.append(f"{cell.sign.colour} {cell.sign.word} sign")
    if cell.thing:
        parts.append(f"{cell.thing.colour} {cell.thing.shape}")
    return f"{place} {' above '.join(parts)}"


def true_caption(scene: Scene) -> str:
    """Name everything in the scene, cell by cell."""
    cells = zip(PLACES, scene.cells, strict=True)
    return ", ".join(cell_phrase(place, cell) for place, cell in cells if cell.sign or cell.thing)


def _other(rng: Random, choices: tuple[str, ...] | list[str], value: str) -> str:
    return rng.choice([choice for choice in choices if choice != value])


def _spoil_cell(rng: Random, cell: Cell) -> Cell:
    """Change one or two facts of a cell that is not empty."""
    sign, thing = cell.sign, cell.thing
    if sign and (thing is None or rng.random() < 0.6):
        if rng.random() < 0.7:
            sign = replace(sign, word=_other(rng, WORDS, sign.word))
        if sign == cell.sign or rng.random() < 0.6:
            sign = replace(sign, colour=_other(rng, list(COLOURS), sign.colour))
    else:
        if rng.random() < 0.7:
            thing = replace(thing, shape=_other(rng, SHAPES, thing.shape))
        if thing == cell.thing or rng.random() < 0.6:
            thing = replace(thing, colour=_other(rng, list(COLOURS), thing.colour))
    return Cell(sign, thing)


def spoil(scene: Scene, rng: Random) -> Scene:
    """The scene that a partly wrong caption describes: wrong facts, and half the time two cells swap."""
    cells = list(scene.cells)
    full = [i for i, cell in enumerate(cells) if cell.sign or cell.thing]
    for i in full:
        if rng.random() < 0.6:
            cells[i] = _spoil_cell(rng, cells[i])
    if tuple(cells) == scene.cells or rng.random() < 0.5:
        a = rng.choice(full)
        b = rng.choice([i for i in range(4) if i != a])
        cells[a], cells[b] = cells[b], cells[a]
    return replace(scene, cells=tuple(cells))


def web_caption(scene: Scene, rng: Random) -> tuple[str, str]:
    """Draw (kind, caption) with the shares of `NOISE`; ``kind`` is one of its keys."""
    kind = rng.choices(list(NOISE), weights=list(NOISE.values()))[0]
    if kind == "right":
        return kind, true_caption(scene)
    if kind == "partly wrong":
        return kind, true_caption(spoil(scene, rng))
    if kind == "other image":
        return kind, true_caption(sample_scene(rng))
    return kind, rng.choice(BOILERPLATE)


def facts(caption: str) -> dict[str, tuple[str | None, ...]]:
    """Read a caption back: place → (sign colour, word, thing colour, shape); what can't be read is left out.

    >>> facts("top left red lamp sign above blue star")
    {'top left': ('red', 'lamp', 'blue', 'star')}
    """
    found = {}
    for phrase in caption.split(","):
        words = phrase.split()
        place, rest = " ".join(words[:2]), words[2:]
        if place not in PLACES:
            continue
        colour = word = thing_colour = shape = None
        if "sign" in rest[2:3]:
            colour, word = rest[:2]
            rest = rest[4:]
        if len(rest) >= 2:
            thing_colour, shape = rest[:2]
        found[place] = (colour, word, thing_colour, shape)
    return found


def facts_right(caption: str, truth: str) -> float:
    """Share of the true caption's facts that ``caption`` names in place (0–1); made-up ones count against."""
    said, true = facts(caption), facts(truth)
    pairs = [
        (a, b)
        for place in PLACES
        for a, b in zip(said.get(place, (None,) * 4), true.get(place, (None,) * 4), strict=True)
        if a or b
    ]
    return sum(a == b for a, b in pairs) / len(pairs)
