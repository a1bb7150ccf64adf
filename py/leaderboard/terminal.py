"""How comparisons are put for a person at the terminal: tables, paragraphs, what would decide a verdict."""

from textwrap import shorten

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from costs.units import duration
from leaderboard.verdicts import POWER, UNDECIDED

LONGEST = 170  # characters of a caption or a question


def table_of(*headings: str) -> Table:
    """An empty table; what stands under the first of ``headings`` is set left, all else right."""
    table = Table()
    for place, words in enumerate(headings):
        table.add_column(words, justify="right" if place else "left", overflow="fold")
    return table


def add(table: Table, *cells: str) -> None:
    """A row of plain text: names may hold what Rich takes for markup."""
    table.add_row(*map(Text, cells))


def heading(words: str) -> Text:
    """A line that sets a part off from the one before."""
    return Text(f"\n{words}", style="bold")


def indented(words: str, columns: int = 2) -> Padding:
    """A paragraph that keeps its distance from the left where it is wrapped."""
    return Padding(Text(words), (0, 0, 0, columns), expand=False)


def p_shown(p: float) -> str:
    """Two digits; far out in the tails they would mean nothing."""
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"


def brief(text: str) -> str:
    """``text`` on one line, cut to `LONGEST`."""
    return shorten(text, LONGEST, placeholder=" …")


def is_open(told: dict) -> bool:
    """Whether a difference, as leaderboard.json has it, needs more runs: undecided, or of one run each."""
    return told["verdict"] == UNDECIDED or told["scatter"] == "questions"


def what_decides(told: dict) -> str:
    """What would decide a difference that `is_open`."""
    if told["scatter"] == "questions":
        return "with one run the scatter between runs is unknown, at least 2 random seeds of each are needed"
    seeds = told["more_seeds"]
    if seeds is None:
        return "at this scatter no number of random seeds would do; more questions would be needed"
    cost = f", which take {duration(60 * told['more_minutes'])}" if told["more_minutes"] else ""
    what = f"{seeds} more random seed{'s' * (seeds > 1)} of each{cost}"
    return f"{what}, would find a difference as large as this with a chance of {100 * POWER:.0f} %"
