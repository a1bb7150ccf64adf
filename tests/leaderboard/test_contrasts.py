"""Which runs are held against each other, and differences and ratios counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from leaderboard.contrasts import OVERALL, arms, contrasts, ratio
from leaderboard.estimates import effect
from leaderboard.runs import Run
from leaderboard.verdicts import UNDECIDED, verdicts

TESTS = ("textvqa", "mmbench")
DRAWN = np.random.default_rng(3)


def run(random_seed, **tests):
    """A run with the scores of each test's questions in order."""
    scores = {test: {str(q): float(hit) for q, hit in enumerate(hits)} for test, hits in tests.items()}
    return Run("", random_seed, Path(), {}, scores, {})


def drawn(share, *random_seeds, questions=50):
    return [run(seed, **{test: DRAWN.random(questions) < share for test in TESTS}) for seed in random_seeds]


@pytest.mark.parametrize(
    "mine, base, compared",
    [
        ([1, 2, 3], [1, 2, 3], [([1, 2, 3], [1, 2, 3])]),
        ([1, 2, 3], [2, 3, 4], [([2, 3], [2, 3])]),
        ([1, 2, 3], [1, 2], [([1, 2], [1, 2])]),
        ([1], [1], [([1], [1])]),
        ([1, 2], [3, 4], [([1, 2], []), ([], [3, 4])]),
        ([1, 2, 3], [3, 4, 5], [([1, 2, 3], []), ([], [3, 4, 5])]),
        ([1], [1, 2], [([1], []), ([], [1, 2])]),
        ([1], [2], [([1], []), ([], [2])]),
    ],
)
def test_runs_are_compared_within_shared_random_seeds_where_these_tell_the_scatter(mine, base, compared):
    found = arms([run(seed) for seed in mine], [run(seed) for seed in base])
    assert [tuple([each.random_seed for each in side] for side in arm) for arm in found] == compared


def test_differences_are_of_the_means_in_points_and_overall_of_the_challenges_score():
    base = [run(1, textvqa=[1, 0, 0, 0], mmbench=[1, 1, 0, 0]), run(2, textvqa=[1, 0, 0, 0], mmbench=[0] * 4)]
    mine = [run(1, textvqa=[1, 1, 0, 0], mmbench=[1, 0, 0, 0]), run(2, textvqa=[1] * 4, mmbench=[0] * 4)]
    found = {what: each.value for what, each in contrasts(mine, base, TESTS).items()}
    assert found == pytest.approx({"textvqa": 50.0, "mmbench": -12.5, OVERALL: (3 + 0.5) / 2 - 1})
    told = ratio(mine, base, TESTS)
    assert (told["textvqa"], told["mmbench"], told["mean"]) == pytest.approx((3, 0.5, 1.75))
    assert told["ci95"][0] < 1.75 < told["ci95"][1]


def test_questions_are_matched_by_name_not_by_place():
    base, mine = drawn(0.4, 1, 2), drawn(0.6, 1, 2)
    turned = [
        each._replace(scores={test: dict(reversed(hits.items())) for test, hits in each.scores.items()})
        for each in mine
    ]
    assert contrasts(turned, base, TESTS) == contrasts(mine, base, TESTS)


def test_pairing_over_questions_and_seeds_takes_their_common_scatter_out():
    """The recipe wins the same few questions in every run: alone the scores scatter far more."""
    base = drawn(0.5, 1, 2, 3)
    mine = [
        each._replace(
            scores={test: hits | dict.fromkeys("01234567", 1.0) for test, hits in each.scores.items()}
        )
        for each in base
    ]
    paired = contrasts(mine, base, TESTS)["textvqa"]
    elsewhere = [each._replace(random_seed=each.random_seed + 10) for each in base]
    unpaired = contrasts(mine, elsewhere, TESTS)["textvqa"]
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.half_width(0.05) < unpaired.half_width(0.05)
    values = [np.array([list(each.scores["textvqa"].values()) for each in runs]) for runs in (mine, base)]
    assert paired.interval() == pytest.approx(effect([[values[0] - values[1]]], [100], [1]).interval())
    assert unpaired.interval() == pytest.approx(effect([[values[0]], [-values[1]]], [100], [1]).interval())


def test_of_partly_shared_seeds_the_shared_ones_alone_are_compared():
    base, mine = drawn(0.4, 1, 2, 3), drawn(0.6, 2, 3, 4)
    odd = run(4, **{test: np.zeros(50) for test in TESTS})
    assert contrasts([*mine[:2], odd], base, TESTS) == contrasts(mine[:2], base[1:], TESTS)
    assert ratio([*mine[:2], odd], base, TESTS) == ratio(mine[:2], base[1:], TESTS)


def test_one_run_of_either_side_leaves_the_scatter_between_runs_unknown():
    base, mine = drawn(0.4, 1, 2), drawn(0.6, 1, 2)
    for some, others in ((mine[:1], base[:1]), (mine[:1], base), (mine, base[1:])):
        assert all(each.by_seed is None for each in contrasts(some, others, TESTS).values())
    assert all(each.by_seed.seeds == 2 for each in contrasts(mine, base, TESTS).values())


def test_all_answers_right_in_both_is_undecided_and_no_certainty():
    runs = [run(seed, **{test: [1] * 30 for test in TESTS}) for seed in (1, 2, 3)]
    found = contrasts(runs, runs, TESTS)
    assert [each.value for each in found.values()] == [0, 0, 0]
    assert all(each.interval()[1] > 1 for what, each in found.items() if what != OVERALL)
    assert {word.word for word in verdicts(list(found.values()))} == {UNDECIDED}
    told = ratio(runs, runs, TESTS)
    assert told["mean"] == 1
    assert 0.9 < told["ci95"][0] < 1 < told["ci95"][1] < 1.1


def test_a_baseline_that_scores_nothing_has_no_ratio_and_no_overall_difference():
    base = [run(seed, textvqa=[0] * 40, mmbench=[1, 0] * 20) for seed in (1, 2)]
    mine = drawn(0.6, 1, 2, questions=40)
    assert ratio(mine, base, TESTS) == {"mean": None, "ci95": None}
    assert list(contrasts(mine, base, TESTS)) == list(TESTS)
    base[0].scores["textvqa"]["7"] = 1.0
    assert list(contrasts(mine, base, TESTS)) == [*TESTS, OVERALL]
    assert ratio(mine, base, TESTS)["mean"] > 1


def test_the_scores_interval_follows_the_baselines_scatter_which_the_difference_holds_fixed():
    base = drawn(0.02, 1, 2, questions=200)
    mine = drawn(0.6, 1, 2, questions=200)
    low, high = ratio(mine, base, TESTS)["ci95"]
    assert high - low > np.subtract(*contrasts(mine, base, TESTS)[OVERALL].interval()[::-1])
