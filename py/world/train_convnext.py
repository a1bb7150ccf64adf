"""Trains the ConvNeXt stand-in to show, at every patch, the colour and the word or shape that is there.

The head is linear on the normalised features averaged over a patch, as patch-info mining reads them.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, layer_norm

from world.standins import build_convnext
from world.training import optimise
from world.vision_data import COLOUR_CLASSES, NAME_CLASSES, draw, patch_slots, pixels, slot_labels

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


def build_head() -> nn.Linear:
    """Colour, sign's or thing's name: a patch knows from its position which."""
    return nn.Linear(CHANNELS, COLOUR_CLASSES + NAME_CLASSES)


def patch_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of both labels over all patches; logits (B, 16, C), labels (B, 8, 2)."""
    labels = labels[:, patch_slots()]
    colour, name = logits.split((COLOUR_CLASSES, NAME_CLASSES), dim=-1)
    return cross_entropy(colour.flatten(0, 1), labels[..., 0].flatten()) + cross_entropy(
        name.flatten(0, 1), labels[..., 1].flatten()
    )


@torch.no_grad()
def right_share(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of the patches where something is whose colour and name are both right."""
    labels = labels[:, patch_slots()]
    colour, name = logits.split((COLOUR_CLASSES, NAME_CLASSES), dim=-1)
    right = (colour.argmax(-1) == labels[..., 0]) & (name.argmax(-1) == labels[..., 1])
    return right[labels[..., 0] > 0].float().mean().item()


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the trunk and what a linear head reads from it on fresh images."""
    torch.manual_seed(settings["random_seed"])
    trunk, head = build_convnext(), build_head()
    size = settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        scenes = draw("standin/convnext", step * size, size)
        return patch_loss(head(patch_means(stage_features(trunk, pixels(scenes)))), slot_labels(scenes))

    @torch.no_grad()
    def quality(count: int) -> float:
        scenes = draw("standin/convnext/quality", 0, count)
        return right_share(head(patch_means(stage_features(trunk, pixels(scenes)))), slot_labels(scenes))

    parameters = [*trunk.parameters(), *head.parameters()]
    seconds = optimise(
        parameters,
        settings["steps"],
        settings["learning_rate"],
        loss_of,
        lambda: f"right {quality(64):.3f}",
        "convnext",
        0.05,
    )
    trunk.eval()
    return trunk, {
        "settings": settings,
        "seconds": round(seconds),
        "quality": {"patches right": round(quality(300), 4)},
    }
