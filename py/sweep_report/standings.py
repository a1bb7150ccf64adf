"""The leaderboard and the differences to the baseline as plots."""

from leaderboard.sweep import BASELINE
from recipe_report.figures import Figure
from screen import name_of
from sweep_report import plots
from sweep_report.answer import SCORE, ratio_of
from sweep_report.sources import Board
from sweep_report.words import word_of

LINE = f"dashed: the mean of {BASELINE}"


def figures(board: Board) -> list[Figure]:
    """The leaderboard as plots: the challenge's score, where it is defined, and each test."""
    defined = board.base and all(board.base[test]["accuracy"] for test in board.tests)
    found = [ratio_figure(board)] if defined else []
    for test in board.tests:
        rows = [
            plots.Row(entry["recipe"], entry[test]["accuracy"], entry[test]["ci95"], entry[test]["runs"])
            for entry in board.entries
        ]
        line = board.base and board.base[test]["accuracy"]
        svg = plots.scores(rows, line, "% right", name_of(test))
        found.append(Figure(name_of(test), svg, [], LINE if board.base else ""))
    return found


def ratio_figure(board: Board) -> Figure:
    """The challenge's score; a run's dot is its scores ÷ the baseline's mean scores."""
    divisors = {test: board.base[test]["accuracy"] for test in board.tests}
    rows = []
    for entry in board.entries:
        ratio = ratio_of(entry)
        if ratio["mean"] is not None:
            runs = zip(
                *(([run / divisors[test] for run in entry[test]["runs"]]) for test in board.tests),
                strict=True,
            )
            dots = [sum(each) / len(each) for each in runs]
            rows.append(plots.Row(entry["recipe"], ratio["mean"], ratio["ci95"], dots))
    svg = plots.scores(rows, 1.0, f"mean of score ÷ {BASELINE}'s", SCORE, digits=2)
    return Figure(SCORE.capitalize(), svg, [], LINE)


def forests(board: Board) -> list[Figure]:
    """The differences to the baseline, of each test and of the challenge's score."""
    places = {SCORE.capitalize(): lambda entry: entry}
    places |= {name_of(test): lambda entry, test=test: entry[test] for test in board.tests}
    found = []
    for name, place in places.items():
        rows = [
            plots.Row(entry["recipe"], told["difference"], told["ci95"], (), word_of(told))
            for entry in board.others
            if (told := place(entry)["vs_baseline"])
        ]
        whole = name == SCORE.capitalize()
        unit = f"ratio − 1 ({BASELINE} = 0)" if whole else f"percentage points more than {BASELINE}"
        if rows:
            svg = plots.forest(rows, unit, f"{name}, difference to {BASELINE}", 2 if whole else 1)
            found.append(Figure(name, svg, [], ""))
    return found
