"""Two experiments, or two recipes of a sweep, side by side: settings, data, losses, scores, answers."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from leaderboard.answers_compared import compare_answers
from leaderboard.board import verdict_of
from leaderboard.comparable import differences
from leaderboard.contrasts import arms, contrast, matrix
from leaderboard.costs import run_minutes
from leaderboard.data_compared import compare_data
from leaderboard.estimates import score
from leaderboard.runs import Run
from leaderboard.sides import Side
from leaderboard.verdicts import verdicts
from shapes import STAGES

MEAN = "mean"


def compare(a: Side, b: Side) -> dict[str, Any]:
    """All that differs; where ``hindrances`` has words, the scores are of other things, and not compared."""
    one, other = twins(a.runs, b.runs)
    found: dict[str, Any] = {
        "a": described(a),
        "b": described(b),
        "knobs": knobs_apart(one, other),
        "inputs": inputs_apart(one, other),
        "hindrances": differences(bare(other), bare(one)),
    }
    found["beside_data"] = [word for word in beside_data(one, other) if word not in found["hindrances"]]
    found["data"] = compare_data(one, other)
    found["losses"] = [{run.folder.name: last_losses(run) for run in side.runs} for side in (a, b)]
    found["scores"] = [scores_of(side.runs) for side in (a, b)]
    if not found["hindrances"]:
        tests = list(one.scores)
        found["random_seeds"] = shared_seeds(a.runs, b.runs)
        found["verdicts"] = judged(a.runs, b.runs, tests)
        found["answers"] = {test: compare_answers(a.runs, b.runs, test) for test in tests}
    return found


def described(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "recipe": side.runs[0].result["recipe"],
        "experiments": [run.folder.name for run in side.runs],
        "random_seeds": [run.random_seed for run in side.runs],
        "left_out": side.left_out,
        "note": side.note,
    }


def twins(a: Sequence[Run], b: Sequence[Run]) -> tuple[Run, Run]:
    """A run of each, of one random seed where both have it; a recipe's other runs are made likewise."""
    return next(((x, y) for x in a for y in b if x.random_seed == y.random_seed), (a[0], b[0]))


def shared_seeds(a: Sequence[Run], b: Sequence[Run]) -> list[int]:
    """The random seeds within which runs are compared; empty where all runs are, each side for itself."""
    compared = arms(a, b)
    return [run.random_seed for run in compared[0][0]] if len(compared) == 1 else []


def knobs_apart(a: Run, b: Run) -> dict[str, list[str | None]]:
    """{knob: [of a, of b]} where they differ; None: no stage read it."""
    mine, theirs = knobs_of(a), knobs_of(b)
    names = sorted(mine.keys() | theirs.keys())
    return {name: [mine.get(name), theirs.get(name)] for name in names if mine.get(name) != theirs.get(name)}


def knobs_of(run: Run) -> dict[str, str]:
    """{knob: its value}; both values where two stages were made with different ones."""
    values: dict[str, dict[str, None]] = {}
    for mark in run.made.values():
        for name, value in mark["knobs"].items():
            values.setdefault(name, {})[value] = None
    return {name: ", ".join(found) for name, found in values.items()}


def inputs_apart(a: Run, b: Run) -> dict[str, list[str | None]]:
    """{input: [sha256 of a's, of b's]} of all inputs that results.json names."""
    mine, theirs = a.result["inputs"], b.result["inputs"]
    return {name: [mine.get(name), theirs.get(name)] for name in sorted(mine.keys() | theirs.keys())}


def bare(run: Run) -> Run:
    """Only what its scores mean: profile, tests and questions."""
    return run._replace(made={}, result=run.result | {"versions": {}, "inputs": {}})


def beside_data(a: Run, b: Run) -> list[str]:
    """What differs though it is not of the data: code, packages, models, the other knobs; ``a's → b's``."""
    told: dict[str, list[str]] = {}  # a file or package that many stages read is told once
    for words in differences(b, a):
        stage, _, word = words.partition(": ")
        if stage in STAGES:
            told.setdefault(word, []).append(stage)
        else:
            told[words] = []
    return [f"{word} ({', '.join(stages)})" if stages else word for word, stages in told.items()]


def last_losses(run: Run) -> dict[str, float | None]:
    """Mean loss over the last tenth of the logged steps of each training; None without any."""
    return {
        stage: fmean(steps[-max(1, len(steps) // 10) :]) if steps else None
        for stage, steps in run.losses.items()
    }


def scores_of(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """{test: percent with its interval, and that of each run}."""
    found = {}
    for test in runs[0].scores:
        mean, interval = score(matrix(runs, test))
        each = [run.result["scores"][test]["accuracy"] for run in runs]
        found[test] = {"accuracy": mean, "ci95": interval, "runs": each}
    return found


def judged(a: Sequence[Run], b: Sequence[Run], tests: Sequence[str]) -> dict[str, dict[str, Any]]:
    """a − b in percentage points of each test and of the tests' mean, corrected for all of these.

    No verdict where a side has one run: its scatter is unknown.
    """
    same = dict.fromkeys(tests, 1.0)
    asked = {test: contrast(a, b, {test: 100.0}, same) for test in tests}
    if len(tests) > 1:
        asked[MEAN] = contrast(a, b, dict.fromkeys(tests, 100.0 / len(tests)), same)
    minutes = sum(run_minutes(runs) or 0.0 for runs in (a, b))
    words = verdicts(list(asked.values()))
    found = {what: verdict_of(asked[what], word, minutes) for what, word in zip(asked, words, strict=True)}
    return {
        what: told | ({"verdict": None} if told["scatter"] == "questions" else {})
        for what, told in found.items()
    }
