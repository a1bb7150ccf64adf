"""Cross entropy over a large vocabulary without the matrix of all logits.

Gemma has 256,000 words: in the plain form a thousand labels take 4 GB of logits, probabilities and gradients.
Here a few hundred positions at a time go through logits, loss and gradient, and only the gradients of what
went in remain; nothing is computed twice (as Liger's fused linear cross entropy, arXiv:2410.10989).
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, linear

from mgm.config import IGNORE_INDEX

LOGITS_AT_ONCE = 2**26  # 256 MB in float32


def mean_loss_plain(hidden: torch.Tensor, weight: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The definition, kept as the oracle of `mean_loss`; targets of -100 count nothing."""
    total = cross_entropy(wide(linear(hidden, weight)), target, ignore_index=IGNORE_INDEX, reduction="sum")
    return total / (target != IGNORE_INDEX).sum().clamp(min=1)


def mean_loss(hidden: torch.Tensor, weight: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy, in float32, of ``target`` (n,) given ``hidden`` (n, D) and ``weight`` (V, D).

    0, with gradients of 0, where n is 0.
    """
    if not torch.is_grad_enabled():
        hidden, weight = hidden.detach(), weight.detach()
    return _MeanLoss.apply(hidden, weight, target)


def wide(logits: torch.Tensor) -> torch.Tensor:
    """In float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class _MeanLoss(torch.autograd.Function):
    """The gradients are made while the logits are there; the backward only scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        for_hidden, for_weight, _ = ctx.needs_input_grad
        d_hidden = torch.zeros_like(hidden) if for_hidden else None
        d_weight = torch.zeros_like(weight) if for_weight else None
        count, rows = max(len(target), 1), max(LOGITS_AT_ONCE // len(weight), 1)
        total = wide(hidden.new_zeros(()))
        for at in range(0, len(target), rows):
            part, wanted = hidden[at : at + rows], target[at : at + rows, None]
            logits = wide(linear(part, weight))  # (rows, V)
            log_sum = logits.logsumexp(-1, keepdim=True)
            total += (log_sum - logits.gather(-1, wanted)).sum()
            if not (for_hidden or for_weight):
                continue
            d_logits = logits.sub_(log_sum).exp_()  # probabilities, then minus one at the target
            d_logits.scatter_add_(-1, wanted, torch.full_like(log_sum, -1))
            d_logits = d_logits.div_(count).to(hidden.dtype)
            if for_hidden:
                d_hidden[at : at + rows] = d_logits @ weight
            if for_weight:
                torch.addmm(d_weight, d_logits.T, part, out=d_weight)
        ctx.gradients = d_hidden, d_weight
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        (d_hidden, d_weight), ctx.gradients = ctx.gradients, (None, None)  # scaled in place: 1 GB of words
        for gradient in (d_hidden, d_weight):
            if gradient is not None:
                gradient.mul_(d_loss)
        return d_hidden, d_weight, None
