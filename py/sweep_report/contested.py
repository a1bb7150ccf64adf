"""Questions that a recipe wins or loses against the baseline, over the random seeds that both have."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from errors import BadInput
from json_files import read_jsonl
from leaderboard.answers_compared import won_and_lost
from leaderboard.runs import Run, read_answers
from leaderboard.sweep import BASELINE
from mmbench_table import CIRCULAR_STEP
from recipe_report.texts import shorten
from recipe_report.thumbnails import Picture, thumbnail
from screen import name_of
from sweep_report.evaluation import MMBENCH, Asked, Evaluation, right_option
from sweep_report.sources import Board

MOST_PICTURES = 120
SHOWN = 3  # questions each way, of a recipe in a test


class Case(NamedTuple):
    """A question with both answers of one random seed, where the two differ in their scores."""

    name: str
    question: str
    right: str
    mine: str
    theirs: str
    random_seed: int
    agree: int  # of the seeds: those where it went this way
    picture: Picture


class Contest(NamedTuple):
    """``won``, ``lost``, ``same``: questions, by the score summed over the shared ``random_seeds``."""

    recipe: str
    test: str
    random_seeds: list[int]
    won: int
    lost: int
    same: int
    shown: dict[str, list[Case]]  # "won" and "lost"


def contests(board: Board, evaluation: Evaluation) -> list[Contest]:
    """Each recipe against the baseline in each test; of a recipe that shares no seed with it, none."""
    base = {run.random_seed: run for run in board.runs.get(BASELINE, [])}
    places = max(len(board.others) * len(board.tests) * 2, 1)
    painter = Painter(max(1, min(SHOWN, MOST_PICTURES // places)))
    found = []
    for entry in board.others:
        for test in board.tests:
            pairs = [
                (run, base[run.random_seed]) for run in board.runs[entry["recipe"]] if run.random_seed in base
            ]
            if pairs:
                found.append(contest(entry["recipe"], test, pairs, evaluation[test], painter))
    return found


def contest(
    recipe: str, test: str, pairs: list[tuple[Run, Run]], asked: dict[str, Asked], painter: "Painter"
) -> Contest:
    """One recipe in one test; ``pairs``: its run and the baseline's, for each random seed that both have."""
    won, lost = won_and_lost(pairs, test)
    shown = {
        way: [painter.case(test, question, pairs, sign, asked[question]) for question in some[: painter.most]]
        for way, some, sign in (("won", won, 1), ("lost", lost, -1))
    }
    seeds = [mine.random_seed for mine, _ in pairs]
    same = len(pairs[0][0].scores[test]) - len(won) - len(lost)
    return Contest(recipe, name_of(test), seeds, len(won), len(lost), same, shown)


class Painter:
    """Makes cases, ``most`` each way; a run's answers are read once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.read: dict[tuple[Path, str], dict[str, list[dict]]] = {}

    def answers(self, run: Run, test: str) -> dict[str, list[dict]]:
        """`answers_of`, kept."""
        key = run.folder, test
        if key not in self.read:
            self.read[key] = answers_of(run, test)
        return self.read[key]

    def case(self, test: str, question: str, pairs: list[tuple[Run, Run]], sign: int, asked: Asked) -> Case:
        """The question as the first of ``pairs`` answered it that went this way (``sign``)."""
        went = [
            (mine, theirs)
            for mine, theirs in pairs
            if sign * (mine.scores[test][question] - theirs.scores[test][question]) > 0
        ]
        answered = zip(*(self.answers(run, test)[question] for run in went[0]), strict=True)
        mine, theirs, told = telling(list(answered), asked)
        try:
            picture = thumbnail(asked.picture(), f"Image of question {question}")
        except (BadInput, OSError, ValueError) as error:
            picture = Picture(str(error))
        texts = [shorten(str(line.get("text", "")), 160) for line in (mine, theirs)]
        return Case(question, *told, *texts, went[0][0].random_seed, len(went), picture)


def telling(answered: list[tuple[dict, dict]], asked: Asked) -> tuple[dict, dict, tuple[str, str]]:
    """(answer, the baseline's, (question, right answer)) of the first variant where the answers differ."""
    mine, theirs = next(
        (pair for pair in answered if pair[0].get("text") != pair[1].get("text")), answered[0]
    )
    variant = asked.variants.get(mine.get("question_id"))
    told = (variant.prompt, right_option(variant)) if variant else (asked.text, asked.right)
    return mine, theirs, (shorten(told[0]), shorten(told[1], 160))


def answers_of(run: Run, test: str) -> dict[str, list[dict]]:
    """{question: its answers' lines, one a circular variant} of a run."""
    found: dict[str, list[dict]] = {}
    if test == MMBENCH:
        for line in sorted(lines_of(run), key=lambda line: line["question_id"]):
            found.setdefault(str(line["question_id"] % CIRCULAR_STEP), []).append(line)
    else:
        found = {question: [line] for question, line in read_answers(run, test).items()}
    if found.keys() != run.scores[test].keys():
        raise BadInput(f"{run.folder}: has other answers than scores in {name_of(test)}; make it again")
    return found


def lines_of(run: Run) -> Iterator[dict]:
    """MMBench's answers; raises `BadInput` at a line that is none."""
    path = run.folder / "eval" / MMBENCH / "answers.jsonl"
    for number, line in read_jsonl(path):
        if not isinstance(line.get("question_id"), int):
            raise BadInput(f"{path}:{number}: has no question_id; answer the test again")
        yield line
