"""The demo's world: what an image can hold, and how one is drawn at random.

An image has 2 × 2 cells. The upper half of a cell may hold a sign (a coloured frame around one word), the
lower half a thing (a coloured shape). Colours, words and shapes are distinct within an image, so that every
question has one answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

COLOURS = {
    "red": (214, 40, 40),
    "green": (44, 160, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 215, 40),
    "purple": (140, 50, 170),
    "orange": (245, 135, 25),
    "pink": (250, 150, 195),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "star", "triangle", "diamond", "ring")
WORDS = (
    "bank",
    "bread",
    "bus",
    "cafe",
    "cola",
    "exit",
    "farm",
    "fish",
    "gold",
    "hotel",
    "ice",
    "king",
    "lamp",
    "milk",
    "moon",
    "open",
    "park",
    "pizza",
    "river",
    "sale",
    "salt",
    "taxi",
    "tea",
    "zoo",
)
PLACES = ("top left", "top right", "bottom left", "bottom right")


@dataclass(frozen=True)
class Sign:
    """A framed sign with one word."""

    colour: str
    word: str


@dataclass(frozen=True)
class Thing:
    """A coloured shape."""

    colour: str
    shape: str


@dataclass(frozen=True)
class Cell:
    """A quarter of the image; either part may be missing."""

    sign: Sign | None = None
    thing: Thing | None = None


@dataclass(frozen=True)
class Scene:
    """Four cells in the order of `PLACES`, and the seed of what means nothing (shades, shifts, sizes)."""

    cells: tuple[Cell, Cell, Cell, Cell]
    look: int

    def signs(self) -> list[tuple[str, Sign]]:
        """(place, sign) for each sign, in the order of `PLACES`."""
        return [(place, cell.sign) for place, cell in zip(PLACES, self.cells, strict=True) if cell.sign]

    def things(self) -> list[tuple[str, Thing]]:
        """(place, thing) for each thing, in the order of `PLACES`."""
        return [(place, cell.thing) for place, cell in zip(PLACES, self.cells, strict=True) if cell.thing]


def sample_scene(rng: Random, counts: tuple[int, ...] = (2, 3)) -> Scene:
    """Draw a scene; the numbers of signs and of things are each one of ``counts``."""
    signs, things = rng.choice(counts), rng.choice(counts)
    colours = rng.sample(list(COLOURS), signs + things)
    words, shapes = rng.sample(WORDS, signs), rng.sample(SHAPES, things)
    sign_at = dict(zip(rng.sample(range(4), signs), zip(colours, words, strict=False), strict=True))
    thing_at = dict(zip(rng.sample(range(4), things), zip(colours[signs:], shapes, strict=True), strict=True))
    cells = tuple(
        Cell(
            Sign(*sign_at[i]) if i in sign_at else None,
            Thing(*thing_at[i]) if i in thing_at else None,
        )
        for i in range(4)
    )
    return Scene(cells, rng.getrandbits(32))


def scene_stream(stream: str, index: int) -> Random:
    """The random source of one record; equal names give equal records, different streams are unrelated."""
    return Random(f"{stream}/{index}")


def scenes(stream: str, count: int) -> Iterator[tuple[Scene, Random]]:
    """Yield ``count`` scenes of a stream, each with its source, from which captions and questions draw on."""
    for index in range(count):
        rng = scene_stream(stream, index)
        yield sample_scene(rng), rng
