"""What leaderboard.json must hold so that a person can be shown it."""

from typing import Any

from leaderboard.board_words import tests_of
from shapes import misfit

INTERVAL = [float, float]
VERDICT = {"difference": float, "ci95": INTERVAL, "p_corrected": float, "verdict": str, "scatter": str}
VERDICT |= {"more_seeds": (None, int), "more_minutes": (None, float)}
COST = {"model_calls?": {...: int}, "synthesis_flop?": float, "synthesis_minutes?": (None, float)}
COST |= {"training_flop?": (None, float), "run_minutes?": (None, float)}
ENTRY = {"recipe": str, "random_seeds": [int], "experiments": [str], "vs_baseline": (None, VERDICT)}
ENTRY |= {"ratio": (None, {"mean": (None, float), "ci95?": (None, INTERVAL)}), "data": (None, {})}
ENTRY |= {"cost": (None, COST), "left_out": [{"random_seed": int, "reason": str}]}
TEST = {"accuracy": float, "ci95": INTERVAL, "runs": [float], "n": int, "vs_baseline": (None, VERDICT)}


def board_fault(board: Any) -> str | None:
    """What keeps ``board``, out of a file, from being shown at the terminal; None if nothing."""
    if fault := misfit(board, [ENTRY | {"same_data_as": [str]}]) or (not board and "no recipe in it"):
        return fault
    tests = tests_of(board[0])
    for place, entry in enumerate(board):
        made = bool(entry["random_seeds"])
        if entry["vs_baseline"] and not made:
            return f"{place}.vs_baseline must be null without a run"
        for test in tests:
            if test not in entry:
                return f"{place} lacks {test}"
            if fault := misfit(entry[test], TEST if made else None, f"{place}.{test}"):
                return fault
    return None
