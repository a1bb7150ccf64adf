"""The answer normaliser and the soft score on hand-made cases."""

import pytest

from m4c import normalise, soft_score


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("STOP", "stop"),
        ("  the Shell.\n", "shell"),
        ("an apple a day", "apple day"),
        ("two", "2"),
        ("none", "0"),
        ("twelve", "twelve"),  # only up to ten
        ("dont walk", "don't walk"),
        ("couldntve", "couldntve"),  # both apostrophes missing is no known spelling
        ("couldnt've", "couldn't've"),
        ("somebody'd", "somebodyd"),  # the original's slip
        ("7.45", "7.45"),
        ("$5.00.", "$5.00"),
        ("U.S.A.", "usa"),
        ("1,000", "1000"),
        ("blue/red", "blue red"),  # no space beside the mark: it separates
        ("blue / red", "blue red"),  # a space beside it: it vanishes
        ("e-mail - now", "email now"),  # one mark beside a space, and all of its kind vanish
        ("ron's", "ron 's"),
        ("a\tb", "b"),
        ("the", ""),
        ("", ""),
        ("." * 33, "."),  # the original removes at most 32 full stops
    ],
)
def test_an_answer_is_normalised_as_published(answer, expected):
    assert normalise(answer) == expected


@pytest.mark.parametrize(("agreeing", "score"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_the_soft_score_leaves_each_human_answer_out_in_turn(agreeing, score):
    answers = ["Yes."] * agreeing + [f"other {i}" for i in range(10 - agreeing)]
    assert soft_score("yes", answers) == pytest.approx(score, abs=1e-12)


def test_an_answer_that_normalises_to_nothing_matches_others_that_do():
    assert soft_score("the", ["a"] * 10) == 1.0
