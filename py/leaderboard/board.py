"""The leaderboard: each recipe's scores over its runs, against the baseline's, best first."""

from collections.abc import Sequence
from typing import Any

from leaderboard.contrasts import OVERALL, contrasts, matrix, ratio
from leaderboard.costs import cost_of, run_minutes
from leaderboard.effects import Effect
from leaderboard.estimates import score
from leaderboard.runs import Run
from leaderboard.sweep import BASELINE, Sweep
from leaderboard.verdicts import Verdict, verdicts


def verdict_of(found: Effect, word: Verdict, minutes: float | None) -> dict[str, Any]:
    """How a recipe differs from the baseline, as leaderboard.json has it."""
    return {
        "difference": found.value,
        "ci95": found.interval(),
        "p_better": found.p_better,
        "p_corrected": word.p,
        "verdict": word.word,
        "scatter": "runs and questions" if found.by_seed else "questions",
        "more_seeds": word.more_seeds,
        "more_minutes": word.more_seeds * minutes if word.more_seeds and minutes else None,
    }


def leaderboard(sweep: Sweep, per_call: dict[str, int]) -> list[dict[str, Any]]:
    """An entry for each recipe, best first; every verdict is corrected for all the others.

    ``per_call``: see make_leaderboard.py. A recipe without a usable run stands last, with the reasons.
    """
    rows = {name: runs for name, runs in sweep.rows.items() if runs}
    tests = list(next(iter(rows.values()))[0].scores)
    entries = {name: entry(name, runs, rows, tests) for name, runs in rows.items()}
    judge(entries, rows, tests)
    for name, runs in rows.items():
        entries[name]["cost"] = cost_of(runs, per_call)
    ranked = sorted(entries.values(), key=lambda found: standing(found, tests), reverse=True)
    ranked += [nothing_of(name, tests) for name in sweep.rows if name not in rows]
    return [found | {"left_out": sweep.left_out[found["recipe"]]} for found in ranked]


def judge(entries: dict[str, dict], rows: dict[str, list[Run]], tests: Sequence[str]) -> None:
    """Put the verdicts against the baseline into ``entries``."""
    base = rows.get(BASELINE)
    if not base:
        return
    asked = all_contrasts(rows, tests)
    for (name, what), word in zip(asked, verdicts(list(asked.values())), strict=True):
        minutes = sum(run_minutes(runs) or 0.0 for runs in (rows[name], base))
        told = verdict_of(asked[name, what], word, minutes)
        if what == OVERALL:  # its divisor scatters too
            told["ci95"] = [end - 1 for end in entries[name]["ratio"]["ci95"]]
        place = entries[name] if what == OVERALL else entries[name][what]
        place["vs_baseline"] = told


def all_contrasts(rows: dict[str, list[Run]], tests: Sequence[str]) -> dict[tuple[str, str], Effect]:
    """{(recipe, test or `OVERALL`): its difference to the baseline}: all that one leaderboard compares."""
    return {
        (name, what): found
        for name, runs in rows.items()
        if name != BASELINE
        for what, found in contrasts(runs, rows[BASELINE], tests).items()
    }


def standing(found: dict[str, Any], tests: Sequence[str]) -> tuple:
    """What the leaderboard is sorted by: the challenge's score, then the tests' sum."""
    overall = found["ratio"] and found["ratio"]["mean"]
    return overall or 0.0, sum(found[test]["accuracy"] for test in tests), found["recipe"]


def entry(name: str, runs: list[Run], rows: dict[str, list[Run]], tests: Sequence[str]) -> dict[str, Any]:
    """What is known of one recipe, verdicts and cost aside."""
    same_data = [other for other, theirs in rows.items() if other != name and of_same_data(runs, theirs)]
    return {
        "recipe": name,
        "random_seeds": [run.random_seed for run in runs],
        "experiments": [run.folder.name for run in runs],
        "ratio": ratio_of(name, runs, rows, tests),
        **{test: score_of(runs, test) for test in tests},
        "vs_baseline": None,
        "data": runs[0].result["data"],
        "inputs": runs[0].result["inputs"],
        "same_data_as": same_data,
    }


def nothing_of(name: str, tests: Sequence[str]) -> dict[str, Any]:
    """The entry of a recipe without a run."""
    nothing = dict.fromkeys(["ratio", *tests, "vs_baseline", "data", "cost"])
    return {
        "recipe": name,
        "random_seeds": [],
        "experiments": [],
        **nothing,
        "inputs": {},
        "same_data_as": [],
    }


def ratio_of(
    name: str, runs: list[Run], rows: dict[str, list[Run]], tests: Sequence[str]
) -> dict[str, Any] | None:
    """The challenge's score; None without a baseline."""
    if name == BASELINE:
        return {"mean": 1.0 if all(matrix(runs, test).any() for test in tests) else None, "ci95": None}
    return ratio(runs, rows[BASELINE], tests) if BASELINE in rows else None


def score_of(runs: list[Run], test: str) -> dict[str, Any]:
    """A recipe's score in one test, of all its runs and of each."""
    values = matrix(runs, test)
    accuracy, interval = score(values)
    each = [100 * float(row.mean()) for row in values]
    return {"accuracy": accuracy, "ci95": interval, "runs": each, "n": values.shape[1], "vs_baseline": None}


def of_same_data(runs: Sequence[Run], others: Sequence[Run]) -> bool:
    """Whether one side was trained on nothing that the other was not; either may lack a random seed."""
    mine, theirs = ({run.result["inputs"].get("synth") for run in side} - {None} for side in (runs, others))
    return bool(mine and theirs) and (mine <= theirs or theirs <= mine)
