"""Results of the challenge's participants, and how the order of a leaderboard compares with theirs.

Scores are those of the official evaluation ÷ the baseline's, on MMBench and on TextVQA, each of one run; runs
of one setting scatter widely there.
"""

from typing import NamedTuple

from scipy import stats

from leaderboard.sweep import BASELINE
from sweep_report.answer import ratio_of
from sweep_report.sources import Board

FEWEST_PAIRS = 3
BEST = float("inf")  # of no published figure, but known to be above all others


class Published(NamedTuple):
    """A strategy with its ratios, where any were published; ``recipe``: ours that comes nearest to it."""

    strategy: str
    mmbench: float | None
    textvqa: float | None
    recipe: str = ""
    note: str = ""

    @property
    def mean(self) -> float | None:
        return None if self.mmbench is None else (self.mmbench + self.textvqa) / 2

    @property
    def standing(self) -> float | None:
        """What it is ranked by."""
        return BEST if self.note == BEST_SINGLE else self.mean


BEST_SINGLE = "the best single recipe; no figures by strategy"
PUBLISHED = (
    Published(
        "matching filter, the captions worst by similarity replaced by BLIP-2's, repeated to the budget",
        None,
        None,
        "swap_worst",
        BEST_SINGLE,
    ),
    Published("similarity filter, best third; BLIP-2 captions; aesthetics", 3.0, 1.10),
    Published("similarity filter, best third", 2.9, 1.06),
    Published("similarity filter, best third; BLIP-2 captions", 2.7, 1.05, "filter_recaption"),
    Published(
        "watermark filter; BLIP-2 captions",
        1.35,
        1.00,
        "ocr_grounded",
        "ours also filters, and names words",
    ),
    Published("matching filter", 1.05, 1.06),
    Published("the seed's captions: the baseline", 1.0, 1.0, BASELINE, "by definition"),
    Published("BLIP-2 captions for all", None, None, "recaption", "no figures by itself"),
    Published("long captions", None, None, "", "0.8 to 1.0"),
)


class Pair(NamedTuple):
    """A published strategy beside our recipe, with both ranks; ``entry`` is None where it wasn't run."""

    published: Published
    entry: dict | None
    rank: float | None
    our_rank: float | None


class Comparison(NamedTuple):
    """``spearman`` and ``kendall``: None with fewer than `FEWEST_PAIRS` ``pairs``, or where all are tied."""

    rows: list[Pair]
    pairs: int
    spearman: float | None
    kendall: float | None


def comparison(board: Board) -> Comparison:
    """The published strategies beside the leaderboard's recipes."""
    entries = {entry["recipe"]: entry for entry in board.entries}
    ranked = [
        found
        for found in PUBLISHED
        if found.standing is not None
        and found.recipe in entries
        and ratio_of(entries[found.recipe])["mean"] is not None
    ]
    theirs = [found.standing for found in ranked]
    ours = [ratio_of(entries[found.recipe])["mean"] for found in ranked]
    ranks = dict(zip(ranked, zip(ranking(theirs), ranking(ours), strict=True), strict=True))
    rows = [Pair(found, entries.get(found.recipe), *ranks.get(found, (None, None))) for found in PUBLISHED]
    if len(ranked) < FEWEST_PAIRS or len(set(ours)) == 1:
        return Comparison(rows, len(ranked), None, None)
    spearman, kendall = stats.spearmanr(theirs, ours), stats.kendalltau(theirs, ours)
    return Comparison(rows, len(ranked), float(spearman.statistic), float(kendall.statistic))


def ranking(values: list[float]) -> list[float]:
    """Ranks, 1 for the largest; equal values share theirs."""
    return [float(rank) for rank in stats.rankdata([-value for value in values])]
