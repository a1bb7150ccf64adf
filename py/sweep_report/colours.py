"""One look for each recipe, the same in every plot.

Seven colours that colour-blind people tell apart (six of Okabe and Ito's), grey for the baseline; past seven
also another line and mark.
"""

from typing import NamedTuple

from leaderboard.sweep import BASELINE

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
GREY = "#8a8a8a"
LINES, MARKS = ("solid", "dashed", "dotted"), ("o", "s", "^")
GLYPHS = {"o": "●", "s": "■", "^": "▲", "D": "◆"}


class Look(NamedTuple):
    """``line`` is a style of Matplotlib's and of CSS's."""

    colour: str
    line: str
    mark: str

    @property
    def glyph(self) -> str:
        return GLYPHS[self.mark]


def looks(recipes: list[str]) -> dict[str, Look]:
    """{recipe: its look}."""
    found = {BASELINE: Look(GREY, LINES[0], "D")} if BASELINE in recipes else {}
    for place, name in enumerate(recipe for recipe in recipes if recipe != BASELINE):
        turn = place // len(COLOURS) % len(LINES)
        found[name] = Look(COLOURS[place % len(COLOURS)], LINES[turn], MARKS[turn])
    return {name: found[name] for name in recipes}
