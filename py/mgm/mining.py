"""Patch-info mining: each low-resolution patch attends to the high-resolution positions that it covers.

Mini-Gemini (arXiv:2403.18814), section 3.2; official ``unified_resampler``. Shapes: B images, P patches, M
positions per patch, C channels of the high-resolution tower, D width of the low-resolution one.

`mine_plain` projects every position to a key and a value: 2·B·P·M·C·D multiplications. `mine` gives the same
from P queries and P means, because, with x̂ the normalised position and LayerNorm(x) = γ·x̂ + β,

    q · (W_k (γ_k x̂ + β_k) + b_k)       =  (γ_k W_kᵀ q) · x̂  +  a constant of q, which softmax ignores
    Σ a_m (W_v (γ_v x̂_m + β_v) + b_v)   =  W_v (γ_v Σ a_m x̂_m + β_v) + b_v,     since Σ a_m = 1
    both LayerNorms see the same x, so x̂ is computed once.
"""

import torch
from torch import nn
from torch.nn.functional import layer_norm, linear


def windows(features: torch.Tensor, patches: int) -> torch.Tensor:
    """Cut (B, C, H, H) into (B, P, M, C): the positions under each of the ``patches`` = p·p patches, row by
    row.
    """
    batch, channels, height, width = features.shape
    p = int(patches**0.5)
    assert p * p == patches and not height % p and not width % p, (patches, height, width)
    m = height // p, width // p
    cut = features.view(batch, channels, p, m[0], p, m[1])
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, patches, m[0] * m[1], channels)


def mine_plain(
    query: torch.Tensor,
    positions: torch.Tensor,
    to_query: nn.Sequential,
    to_key: nn.Sequential,
    to_value: nn.Sequential,
) -> torch.Tensor:
    """The definition, kept as the oracle of `mine`.

    ``query`` (B, P, D), ``positions`` (B, P, M, C); each projector is LayerNorm then Linear. Returns (B, P,
    D).
    """
    q = to_query(query)[:, :, None]  # (B, P, 1, D)
    k = to_key(positions)  # (B, P, M, D)
    v = to_value(positions)  # (B, P, M, D)
    attention = (q @ k.transpose(-1, -2) / k.shape[-1] ** 0.5).softmax(-1)  # (B, P, 1, M)
    return (attention @ v)[:, :, 0]


def mine(
    query: torch.Tensor,
    positions: torch.Tensor,
    to_query: nn.Sequential,
    to_key: nn.Sequential,
    to_value: nn.Sequential,
) -> torch.Tensor:
    """As `mine_plain`, by re-association (see the module's head); M is never multiplied by C·D."""
    (norm_k, linear_k), (norm_v, linear_v) = to_key, to_value
    assert norm_k.eps == norm_v.eps, "the shared normalisation needs one epsilon"
    x_hat = layer_norm(positions, norm_k.normalized_shape, eps=norm_k.eps)  # (B, P, M, C)
    q = to_query(query) / linear_k.out_features**0.5  # (B, P, D)
    q_hat = norm_k.weight * (q @ linear_k.weight)  # (B, P, C)
    attention = (x_hat @ q_hat[..., None]).softmax(-2)  # (B, P, M, 1)
    mean = (attention.transpose(-1, -2) @ x_hat)[:, :, 0]  # (B, P, C)
    mined = linear(norm_v.weight * mean + norm_v.bias, linear_v.weight, linear_v.bias)  # (B, P, D)
    # The key's biases cancel in the softmax: their gradient is exactly zero, and they must have one, because
    # distributed training waits for every parameter.
    return mined + 0.0 * (norm_k.bias.sum() + linear_k.bias.sum())
