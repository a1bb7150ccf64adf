"""The answer in words: what is better, by how much, how sure that is, and what would decide the rest."""

from typing import Any

from markupsafe import Markup

from costs.units import duration
from leaderboard.sweep import BASELINE
from leaderboard.verdicts import BETTER, LEVEL, UNDECIDED, WORSE
from screen import name_of
from sweep_report.sources import Board
from sweep_report.words import NO_VERDICT, counted, listed, named, sentence, span, word_of

SCORE = "challenge's score"


def ratio_of(entry: dict) -> dict[str, Any]:
    """An entry's ratio, of which nothing is known without a baseline or where it scores 0."""
    return entry["ratio"] or {"mean": None, "ci95": None}


def answer(board: Board) -> list[Markup]:
    """Which recipes are better, by how much, and how sure that is, in sentences."""
    return [*verdicts(board), *first(board), ground(board), *unmade(board)]


def verdicts(board: Board) -> list[Markup]:
    """What is known of the recipes against the baseline."""
    base = named(BASELINE)
    if board.base is None:
        return [
            sentence("There is no run of the baseline, {base}, so nothing can be called better.", base=base)
        ]
    if not board.others:
        return [
            sentence("Only the baseline, {base}, has runs: there is nothing to compare it with.", base=base)
        ]
    by_word: dict[str, list[str]] = {}
    for entry in board.others:
        by_word.setdefault(overall_word(entry, board.tests), []).append(named(entry["recipe"]))
    told = {
        BETTER: "Better than {base}: {names}.",
        WORSE: "Worse than {base}: {names}.",
        UNDECIDED: "Undecided against {base}: {names}.",
        NO_VERDICT: "No verdict against {base}: {names}. With one run, only the questions' scatter "
        "is known, not what another random seed changes; 'make sweep' with two seeds tells.",
    }
    return [
        sentence(text, base=base, names=listed(by_word[word]))
        for word, text in told.items()
        if word in by_word
    ]


def overall_word(entry: dict, tests: list[str]) -> str:
    """The verdict on the challenge's score; where it is undefined, that of the tests if they agree."""
    if entry["vs_baseline"]:
        return word_of(entry["vs_baseline"])
    words = {word_of(entry[test]["vs_baseline"]) for test in tests} - {""}
    return words.pop() if len(words) == 1 else UNDECIDED


def first(board: Board) -> list[Markup]:
    """By how much the best recipe is above the baseline, and that the order among recipes is not tested."""
    best = next(
        (entry for entry in board.entries if entry["recipe"] not in controls(board)), board.entries[0]
    )
    ratio = ratio_of(best)
    if best["recipe"] == BASELINE or not ratio["ci95"]:
        return []
    text = "First is {name}: {mean} times the score of {base} (95 % interval{alone} {interval})."
    if len(board.others) > 1:
        text += " Whether it is better than the next ones is not asked here; 'make compare' asks it."
    alone = " over the questions alone," if word_of(best["vs_baseline"]) == NO_VERDICT else ""
    parts = {
        "alone": alone,
        "name": named(best["recipe"]),
        "base": named(BASELINE),
        "mean": f"{ratio['mean']:.2f}",
    }
    return [sentence(text, interval=span(ratio["ci95"], 2), **parts)]


def unmade(board: Board) -> list[Markup]:
    """The recipes that nothing is known of."""
    names = listed([named(entry["recipe"]) for entry in board.unmade])
    return (
        [sentence("Without a run that counts: {names}; see the end of the page.", names=names)]
        if names
        else []
    )


def controls(board: Board) -> list[str]:
    """Rows that are no recipes: the baseline's recipe on other data, or without pretraining."""
    made_by = {name: runs[0].result["recipe"] for name, runs in board.runs.items()}
    return [name for name, recipe in made_by.items() if recipe == BASELINE != name]


def ground(board: Board) -> Markup:
    """What the answer rests on: runs, questions, the correction."""
    seeds = sorted({len(runs) for runs in board.runs.values()})
    each = f"{seeds[0]} to {seeds[-1]} random seeds" if len(seeds) > 1 else counted(seeds[0], "random seed")
    text = "This rests on {runs}, {each} a recipe, and on {questions}."
    if some := controls(board):
        text += " Controls, and no recipes: {controls}."
    questions = [f"{board.entries[0][test]['n']:,} questions of {name_of(test)}" for test in board.tests]
    made = comparisons(board)
    if made:
        text += (
            " The verdicts are corrected (Holm) for all {made} made: were all recipes equal, a single wrong "
            "verdict among them would have a chance of at most {level} %."
        )
    parts = {
        "controls": listed([named(name) for name in some]),
        "each": each,
        "made": counted(made, "comparison"),
        "level": f"{100 * LEVEL:.0f}",
    }
    return sentence(text, runs=counted(len(board.all_runs), "run"), questions=listed(questions), **parts)


def comparisons(board: Board) -> int:
    """How many differences have a verdict, each corrected for all."""
    places = [place for entry in board.others for place in (entry, *(entry[test] for test in board.tests))]
    return sum(word_of(place["vs_baseline"]) not in ("", NO_VERDICT) for place in places)


def open_ends(board: Board) -> list[tuple[str, str, str]]:
    """(recipe, what was measured, what would decide it) of each verdict still undecided."""
    found = []
    for entry in board.others:
        for what, place in ((SCORE, entry), *((name_of(test), entry[test]) for test in board.tests)):
            told = place["vs_baseline"]
            if word_of(told) == UNDECIDED:
                found.append((entry["recipe"], what, needed(told)))
    return found


def needed(told: dict) -> str:
    """How many more random seeds an undecided verdict would take."""
    if told["more_seeds"] is None:
        return "no number of random seeds would do; more questions would"
    cost = f", about {duration(60 * told['more_minutes'])}" if told["more_minutes"] else ""
    return f"{counted(told['more_seeds'], 'more random seed')}{cost}"
