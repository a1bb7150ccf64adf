"""Better, worse, undecided: Holm's correction, no verdict of one run, and seeds that really would decide."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from leaderboard.effects import Effect, Scatter
from leaderboard.estimates import effect
from leaderboard.verdicts import BETTER, LEVEL, POWER, UNDECIDED, WORSE, more_seeds, power, verdicts


def known(value, seeds=5, by_seed=1e-4, by_question=1e-4):
    """An effect whose scatter is given."""
    return Effect(value, Scatter(seeds, by_seed, seeds - 1, by_seed / 10), by_question, 400)


def test_nothing_compared_is_no_verdict():
    assert verdicts([]) == []


@pytest.mark.parametrize("value, word", [(0.5, BETTER), (-0.5, WORSE), (0.01, UNDECIDED), (0.0, UNDECIDED)])
def test_each_word_has_its_effect(value, word):
    (found,) = verdicts([known(value)])
    assert found.word == word
    assert (found.p <= LEVEL) == (word != UNDECIDED)


def test_p_values_are_corrected_by_holm_for_all_that_is_compared():
    effects = [known(value) for value in (0.05, -0.03, 0.04, 0.001, 0.2)]
    raw = [each.p_value for each in effects]
    found = verdicts(effects)
    assert [each.p for each in found] == pytest.approx(multipletests(raw, 0.05, "holm")[1])
    order = np.argsort(raw)
    by_hand = np.maximum.accumulate([raw[place] * (5 - rank) for rank, place in enumerate(order)])
    assert [found[place].p for place in order] == pytest.approx(np.minimum(by_hand, 1))


def test_what_is_better_alone_may_be_undecided_among_many():
    one = known(0.045)
    assert verdicts([one])[0].word == BETTER
    among = verdicts([one, *[known(0.0)] * 9])
    assert among[0].word == UNDECIDED
    assert among[0].p > 9 * one.p_value


def test_one_run_decides_nothing_however_large_the_difference():
    sure = Effect(10.0, None, 1e-6, 400)
    (found,) = verdicts([sure])
    assert sure.p_value < 1e-6
    assert (found.word, found.more_seeds) == (UNDECIDED, None)


@pytest.mark.parametrize("value", [0.01, 0.015, 0.02, -0.025])
@pytest.mark.parametrize("seeds", [2, 3, 6])
@pytest.mark.parametrize("comparisons", [1, 12])
def test_the_seeds_asked_for_are_the_fewest_with_the_power(value, seeds, comparisons):
    some = known(value, seeds, by_seed=6e-4 / seeds, by_question=4e-6)
    found = verdicts([some, *[known(0.0)] * (comparisons - 1)])[0]
    total = seeds + found.more_seeds
    assert found.word == UNDECIDED
    assert power(some, total, LEVEL / comparisons) >= POWER > power(some, total - 1, LEVEL / comparisons)


def test_drawn_runs_have_as_large_a_power_as_the_seeds_asked_for_promise():
    """Sweeps drawn anew, with as many seeds as are asked for: at least the power's share has a verdict."""
    generator, questions = np.random.default_rng(5), 4000

    def draw(seeds, value):
        push = generator.normal(0, 0.05, (seeds, 1)) + generator.normal(0, 0.02, (1, questions))
        return effect([[value + push]], [1], [0.02])

    truth = Effect(0.06, Scatter(3, 0.05**2 / 3, 2, 0.0), 0.02**2 / questions, questions)
    seeds = 3 + more_seeds(truth, LEVEL)
    share = np.mean([draw(seeds, 0.06).p_value <= LEVEL for _ in range(400)])
    assert share == pytest.approx(power(truth, seeds, LEVEL), abs=0.06)
    assert share > POWER - 0.06


def test_where_questions_alone_scatter_too_much_no_number_of_seeds_would_do():
    few_questions, many = known(0.02, by_question=2e-4), known(0.02, by_question=2e-5)
    assert verdicts([few_questions])[0] == (UNDECIDED, pytest.approx(few_questions.p_value), None)
    assert power(few_questions, 10**6, LEVEL) < POWER
    assert more_seeds(many, LEVEL) > 0
    assert more_seeds(many, LEVEL / 1e6) is None, "nor at a far stricter level"


def test_no_difference_at_all_needs_no_seeds_since_none_would_show_it():
    assert more_seeds(known(0.0), LEVEL) is None


def test_what_is_decided_needs_no_more_seeds():
    assert verdicts([known(0.5)])[0].more_seeds is None


def test_seeds_are_asked_for_at_the_level_of_what_is_still_open():
    """Holm's next step: what is decided counts no more."""
    some = known(0.015, 3, by_seed=2e-4, by_question=4e-6)
    alone, among_decided, among_open = (
        verdicts([some, *others])[0] for others in ([], [known(0.5)] * 9, [some] * 9)
    )
    assert alone.more_seeds == among_decided.more_seeds < among_open.more_seeds
