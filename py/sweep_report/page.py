"""The page itself: every section's content, which page.html.j2 sets."""

from pathlib import Path

from leaderboard.sweep import BASELINE
from leaderboard.verdicts import POWER
from recipe_report.templates import render
from screen import name_of
from sweep_report import (
    answer,
    categories,
    contested,
    curves,
    funnels,
    gains,
    provenance,
    published,
    standings,
)
from sweep_report.colours import looks
from sweep_report.evaluation import Evaluation
from sweep_report.sources import Board
from sweep_report.words import SIGNS, probability, signed, span, word_of

SECTIONS = [
    ("answer", "Answer"),
    ("differences", "Differences"),
    ("categories", "Categories"),
    ("losses", "Losses"),
    ("data", "Data"),
    ("questions", "Questions"),
    ("cost", "Cost"),
    ("official", "Official scale"),
    ("runs", "Runs"),
]
WORDS = {"word_of": word_of, "signed": signed, "span": span, "probability": probability, "signs": SIGNS}
WORDS |= {"name_of": name_of, "ratio_of": answer.ratio_of, "baseline": BASELINE, "power": POWER}


def content(board: Board, evaluation: Evaluation) -> dict:
    """What the template tells."""
    look = looks(list(board.runs))
    by_category = categories.categories(board, evaluation)
    return WORDS | {
        "title": "Which recipe is better, by how much, and how sure is that?",
        "sections": SECTIONS,
        "board": board,
        "looks": look,
        "answer": answer.answer(board),
        "open_ends": answer.open_ends(board),
        "standing_figures": standings.figures(board),
        "forests": standings.forests(board),
        "category_table": categories.table(by_category) if by_category else None,
        "category_plot": categories.plot(by_category, look) if by_category else None,
        "loss_figures": curves.figures(board, look),
        "data": funnels.data_of(board),
        "contests": contested.contests(board, evaluation),
        "costs": gains.costs(board),
        "gain_figure": gains.figure(board, look),
        "comparison": published.comparison(board),
        "made": provenance.made(board),
        "input_names": provenance.INPUTS,
        "protocols": provenance.protocols(board),
        "versions": provenance.shared([run.result["versions"] for run in board.all_runs]),
        "left_out": provenance.left_out(board),
    }


def page(board: Board, evaluation: Evaluation) -> str:
    """The page."""
    return render(content(board, evaluation), Path(__file__).parent)
