"""The projectors that pretraining teaches: features of the towers to the language model's width."""

import re

from torch import nn

from errors import BadInput


def mm_projector(kind: str, width_in: int, width_out: int) -> nn.Sequential | nn.Linear:
    """``linear``, or ``mlpNx_gelu``: N linear layers, GELU between (official ``multimodal_projector``)."""
    if kind == "linear":
        return nn.Linear(width_in, width_out)
    depth = re.fullmatch(r"mlp(\d+)x_gelu", kind)
    if depth is None or int(depth[1]) < 1:
        raise BadInput(f"mm_projector_type {kind}: choose linear or mlpNx_gelu (official: mlp2x_gelu)")
    layers: list[nn.Module] = [nn.Linear(width_in, width_out)]
    for _ in range(int(depth[1]) - 1):
        layers += [nn.GELU(), nn.Linear(width_out, width_out)]
    return nn.Sequential(*layers)


def mining_projector(width_in: int, width_out: int) -> nn.Sequential:
    """LayerNorm and Linear, the shape of the three ``vlm_uni_*`` projectors."""
    return nn.Sequential(nn.LayerNorm(width_in), nn.Linear(width_in, width_out))
