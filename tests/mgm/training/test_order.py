"""The order of samples."""

import pytest

from mgm.data import GHOST
from mgm.training.order import GlobalOrder

LENGTHS = [5, -3, 9, 2, -8, 7, 7, 1, -4, 6, 3, 12, -1]  # nine with an image, four without


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_every_sample_comes_once_an_epoch_and_another_seed_or_epoch_gives_another_order(lengths):
    order = GlobalOrder(13, seed=4, lengths=lengths, global_batch=4)
    first = list(order)
    assert sorted(first) == list(range(13)) and list(order) == first
    order.set_epoch(1)
    assert sorted(order) == list(range(13)) and list(order) != first
    assert list(GlobalOrder(13, seed=5, lengths=lengths, global_batch=4)) != first


def test_full_batches_are_of_one_modality_and_the_rest_comes_last():
    for seed in range(20):
        order = list(GlobalOrder(13, seed, lengths=LENGTHS, global_batch=4))
        for start in (0, 4, 8):
            assert len({LENGTHS[i] > 0 for i in order[start : start + 4]}) == 1
        assert LENGTHS[order[12]] > 0


def test_ghosts_fill_the_end_for_several_processes_only():
    assert len(GlobalOrder(13, 0)) == 13
    order = list(GlobalOrder(13, 0, multiple=4))
    assert order[:13] == list(GlobalOrder(13, 0)) and order[13:] == [GHOST] * 3
