"""Batches by picture: each question once, a picture's questions together, like lengths together."""

import random

import pytest

from mgm.batching import batches_by_picture


@pytest.mark.parametrize(
    ("pictures", "lengths", "batch_size", "wanted"),
    [
        ([], [], 4, []),
        (["a"], [3], 1, [[0]]),
        # the longest first, like lengths together
        ([*"abcde"], [3, 9, 1, 7, 5], 2, [[1, 3], [4, 0], [2]]),
        # a picture's questions stand together, as long as the longest of them
        ([*"abab"], [1, 5, 9, 2], 2, [[0, 2], [1, 3]]),
        # a group that does not fit any more begins the next batch
        ([*"aabbb"], [9, 9, 1, 1, 1], 4, [[0, 1], [2, 3, 4]]),
        # a picture with more questions than a batch holds is read for each batch
        ([*"aaaab"], [5, 5, 5, 5, 1], 3, [[0, 1, 2], [3, 4]]),
        # no picture is not one picture
        ([None, "a", None], [1, 5, 9], 1, [[2], [1], [0]]),
        ([None, None, "a", "a"], [4, 3, 2, 1], 3, [[0, 1], [2, 3]]),
    ],
)
def test_batches(pictures, lengths, batch_size, wanted):
    assert list(batches_by_picture(pictures, lengths, batch_size)) == wanted


@pytest.mark.parametrize("batch_size", [4, 5, 16, 50])
def test_every_question_is_in_one_batch_and_no_picture_in_two(batch_size):
    draw = random.Random(5)
    pictures = [name for name in range(200) for _ in range(draw.randint(1, 4))]
    draw.shuffle(pictures)
    batches = list(batches_by_picture(pictures, [draw.randint(1, 99) for _ in pictures], batch_size))
    assert sorted(i for batch in batches for i in batch) == list(range(len(pictures)))
    assert max(map(len, batches)) <= batch_size
    assert sum(len({pictures[i] for i in batch}) for batch in batches) == 200
