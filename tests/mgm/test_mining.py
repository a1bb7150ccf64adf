"""Patch-info mining: the rewritten form is the plain one."""

import pytest
import torch

from mgm.mining import mine, mine_plain, windows
from mgm.projector import mining_projector

B, P, M, C, D = 2, 9, 12, 10, 7


def inputs() -> tuple:
    torch.manual_seed(1)
    projectors = [mining_projector(width, D).double() for width in (D, C, C)]
    for projector in projectors:
        for parameter in projector.parameters():  # LayerNorm starts at 1 and 0, where mistakes would hide
            torch.nn.init.normal_(parameter)
    query = torch.randn(B, P, D, dtype=torch.float64, requires_grad=True)
    return query, 3 * torch.randn(B, P, M, C, dtype=torch.float64) + 2, *projectors


def test_rewritten_mining_equals_the_plain_form_with_all_gradients():
    results = []
    for form in (mine_plain, mine):
        query, positions, *projectors = inputs()
        out = form(query, positions, *projectors)
        (out * torch.arange(out.numel()).view_as(out)).sum().backward()
        results.append(
            [out, query.grad, *(p.grad for projector in projectors for p in projector.parameters())]
        )
    for plain, rewritten in zip(*results, strict=True):
        torch.testing.assert_close(rewritten, plain, rtol=1e-9, atol=1e-9)


def test_windows_hold_the_positions_under_each_patch_row_by_row():
    features = torch.arange(2 * 6 * 6).view(1, 2, 6, 6)
    cut = windows(features, 9)
    assert cut.shape == (1, 9, 4, 2)
    assert cut[0, 5, :, 0].tolist() == [16, 17, 22, 23]  # second row, third column
    assert cut[0, 5, :, 1].tolist() == [36 + i for i in (16, 17, 22, 23)]


def test_a_map_that_does_not_divide_is_never_cut():
    with pytest.raises(AssertionError, match=r"\(9, 7, 7\)"):
        windows(torch.zeros(1, 2, 7, 7), 9)
