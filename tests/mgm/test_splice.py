"""Image features in the sequence."""

import pytest
import torch

from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.splice import splice

EMBEDDING = torch.nn.Embedding(11, 3)
FEATURES = 100.0 + torch.arange(2 * 4 * 3).view(2, 4, 3).float()  # two images of four patches
ROWS = [[5, IMAGE_TOKEN_INDEX, 6], [7, 8], [IMAGE_TOKEN_INDEX, 9, 10, 5]]


def padded(side: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ids, mask = torch.zeros(3, 4, dtype=torch.long), torch.zeros(3, 4, dtype=torch.long)
    for i, row in enumerate(ROWS):
        place = slice(0, len(row)) if side == "right" else slice(4 - len(row), 4)
        ids[i, place], mask[i, place] = torch.tensor(row), 1
    return ids, mask, torch.where((ids > 0) & (mask > 0), ids, IGNORE_INDEX)


@pytest.mark.parametrize("input_side", ["left", "right"])
def test_each_row_reads_the_same_on_either_padding_side(input_side):
    ids, mask, labels = padded(input_side)
    spliced = splice(ids, mask, labels, EMBEDDING, FEATURES)
    images = iter(FEATURES)
    for i, row in enumerate(ROWS):
        parts = [next(images) if t == IMAGE_TOKEN_INDEX else EMBEDDING(torch.tensor([t])) for t in row]
        wanted_labels = [x for t in row for x in ([IGNORE_INDEX] * 4 if t == IMAGE_TOKEN_INDEX else [t])]
        here = spliced.mask[i].bool()
        torch.testing.assert_close(spliced.embeds[i][here], torch.cat(parts))
        assert spliced.positions[i][here].tolist() == list(range(len(wanted_labels)))
        assert spliced.labels[i][here].tolist() == wanted_labels
        assert not spliced.embeds[i][~here].any() and (spliced.labels[i][~here] == IGNORE_INDEX).all()
        assert here[0]


def test_a_slot_without_features_is_an_error_with_both_numbers():
    ids, mask, labels = padded("right")
    with pytest.raises(AssertionError, match="2 image slots for 1 image features"):
        splice(ids, mask, labels, EMBEDDING, FEATURES[:1])
