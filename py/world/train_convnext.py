"""Trains the ConvNeXt stand-in to show, at every patch, the colour and the word or shape that is there.

The head is linear on the normalised features averaged over a patch, as patch-info mining reads them.
"""

import torch
from torch import nn
from torch.nn.functional import interpolate, layer_norm

from world.standins import build_convnext
from world.training import optimise
from world.vision_data import CLASSES, draw, patch_loss, pixels, right_share, slot_labels

SETTINGS = {"steps": 900, "batch": 32, "learning_rate": 3e-3, "random_seed": 1}
CHANNELS = 24 + 32 + 48 + 64


def stage_features(trunk: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """All stages at the size of the first, (B, 168, 24, 24), as the high-resolution tower gives them."""
    x, outs = trunk.stem(images), []
    for stage in trunk.stages:
        x = stage(x)
        outs.append(x)
    size = outs[0].shape[-2:]
    return torch.cat([outs[0], *(interpolate(each, size, mode="bilinear") for each in outs[1:])], dim=1)


def patch_means(features: torch.Tensor) -> torch.Tensor:
    """(B, 168, 24, 24) → (B, 16, 168): normalised over channels, averaged over each patch's positions."""
    x = layer_norm(features.permute(0, 2, 3, 1), (features.shape[1],)).permute(0, 3, 1, 2)
    return nn.functional.avg_pool2d(x, 6).flatten(2).transpose(1, 2)


@torch.no_grad()
def quality(trunk: nn.Module, head: nn.Linear, count: int) -> float:
    """Share of the patches of fresh images that a linear head reads right."""
    scenes = draw("standin/convnext/quality", 0, count)
    return right_share(head(patch_means(stage_features(trunk, pixels(scenes)))), slot_labels(scenes))


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the trunk and what a linear head reads from it on fresh images."""
    torch.manual_seed(settings["random_seed"])
    trunk, head = build_convnext(), nn.Linear(CHANNELS, CLASSES)
    size = settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        scenes = draw("standin/convnext", step * size, size)
        return patch_loss(head(patch_means(stage_features(trunk, pixels(scenes)))), slot_labels(scenes))

    seconds = optimise(
        [*trunk.parameters(), *head.parameters()],
        settings,
        loss_of,
        lambda: f"right {quality(trunk, head, 64):.3f}",
        "convnext",
        weight_decay=0.05,
    )
    trunk.eval()
    found = {"patches right": round(quality(trunk, head, 300), 4)}
    return trunk, {"settings": settings, "seconds": seconds, "quality": found}
