"""Parts of the page: the published results, losses, looks, costs, words."""

import numpy as np
import pytest

from sweep_report import answer, curves, gains, published, words
from sweep_report.colours import looks
from sweep_report.sources import Board


def board_of(ratios: dict[str, float | None]) -> Board:
    """A leaderboard that tells ratios only."""
    entries = [{"recipe": name, "ratio": {"mean": ratio, "ci95": None}} for name, ratio in ratios.items()]
    return Board(entries, [], {}, [], "")


@pytest.mark.parametrize(
    ("ratios", "pairs", "spearman"),
    [
        ({"swap_worst": 3.0, "filter_recaption": 2.0, "ocr_grounded": 1.5, "seed": 1.0}, 4, 1.0),
        ({"swap_worst": 0.5, "filter_recaption": 0.6, "ocr_grounded": 0.7, "seed": 1.0}, 4, -1.0),
        ({"filter_recaption": 2.0, "ocr_grounded": 2.0, "seed": 1.0, "recaption": 9.0}, 3, 0.866),
        ({"filter_recaption": 2.0, "seed": 1.0, "mine": 7.0}, 2, None),
        ({"filter_recaption": 1.0, "ocr_grounded": 1.0, "seed": 1.0}, 3, None),
        ({"filter_recaption": None, "ocr_grounded": None, "seed": None}, 0, None),
    ],
)
def test_rank_correlation_is_told_of_three_pairs_or_more_that_are_not_all_tied(ratios, pairs, spearman):
    found = published.comparison(board_of(ratios))
    assert found.pairs == pairs
    assert found.spearman == (spearman if spearman is None else pytest.approx(spearman, abs=1e-3))
    assert (found.kendall is None) == (spearman is None)


def test_ranks_are_given_to_pairs_alone_and_equal_values_share_theirs():
    found = published.comparison(
        board_of({"filter_recaption": 2.0, "ocr_grounded": 2.0, "seed": 1.0, "recaption": 9.0})
    )
    ranks = {row.published.recipe: (row.rank, row.our_rank) for row in found.rows if row.published.recipe}
    assert ranks == {
        "swap_worst": (None, None),
        "filter_recaption": (1, 1.5),
        "ocr_grounded": (2, 1.5),
        "seed": (3, 3),
        "recaption": (None, None),
    }


def test_a_smoothed_line_keeps_its_level_its_ends_and_few_points():
    steps, means = curves.smoothed([2.0] * 1000)
    assert np.allclose(means, 2.0) and len(steps) == curves.MOST_POINTS
    steps, means = curves.smoothed([5.0, 3.0, 1.0])
    assert (list(steps), list(means)) == ([1, 2, 3], [5, 3, 1])
    noisy = np.random.default_rng(1).normal(3, 1, 400)
    assert curves.smoothed(list(noisy))[1].std() < 0.5 * noisy.std()


def test_recipes_look_different_up_to_twenty_one_and_the_baseline_is_grey_wherever_it_stands():
    names = [f"r{number}" for number in range(21)]
    found = looks([*names[:3], "seed", *names[3:]])
    assert list(found) == [*names[:3], "seed", *names[3:]]
    assert len(set(found.values())) == 22 and found["seed"].colour == "#8a8a8a"
    assert looks(names)["r5"] == found["r5"]


def test_what_is_not_known_of_a_cost_is_a_dash():
    told = {
        "model_calls": {"captions": 3},
        "synthesis_flop": 2e12,
        "synthesis_minutes": None,
        "training_flop": None,
    }
    assert gains.cost("r", told | {"run_minutes": 2.0}) == (
        "r",
        {"captions": 3},
        "2 TFLOP",
        "–",
        "–",
        "2 min",
    )


@pytest.mark.parametrize(
    ("told", "needed"),
    [
        (
            {"more_seeds": None, "more_minutes": None},
            "no number of random seeds would do; more questions would",
        ),
        ({"more_seeds": 1, "more_minutes": None}, "1 more random seed"),
        ({"more_seeds": 12, "more_minutes": 90.0}, "12 more random seeds, about 1 h 30 min"),
    ],
)
def test_what_would_decide_is_said_with_its_cost(told, needed):
    assert answer.needed(told) == needed


def test_a_verdict_from_one_run_is_none():
    told = {"verdict": "better", "scatter": "questions"}
    assert words.word_of(told) == "no verdict"
    assert words.word_of(told | {"scatter": "runs and questions"}) == "better"
    assert words.word_of(None) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0.0312, "0.031"), (0.4, "0.40"), (0.00004, "< 0.001"), (1.0, "1.00")]
)
def test_a_probability_has_two_digits_or_is_below_a_thousandth(value, text):
    assert words.probability(value) == text


@pytest.mark.parametrize(("value", "text"), [(-3.26, "−3.3"), (2, "+2.0"), (-0.04, "0.0"), (None, "–")])
def test_a_signed_number_has_a_true_minus_and_no_sign_at_nothing(value, text):
    assert words.signed(value) == text


def test_names_in_a_sentence_are_listed_and_escaped():
    assert words.listed(["<a>"]) == "&lt;a&gt;"
    assert words.listed(["a", "b", words.named("<c>")]) == "a, b and <code>&lt;c&gt;</code>"
