"""Trains the CLIP stand-in: patches and embeddings learn what is where, then captions to match images.

One linear head reads the slots from the image's and the text's embedding, so that both mean the same before
the contrastive loss, whose negatives are the other captions, spoiled ones, and captions of random words.
"""

import math
from random import Random

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, normalize
from transformers import PreTrainedTokenizerBase

from world.bpe import clip_tokenizer
from world.captions import spoil, true_caption
from world.clip_embeddings import contrastive_loss, image_features, text_features
from world.scene import Scene
from world.standins import CLIP_SIZE, build_clip
from world.texts import random_words
from world.training import auc, optimise
from world.vision_data import (
    CLASSES,
    SLOTS,
    draw,
    label_loss,
    patch_loss,
    pixels,
    right_share,
    slot_labels,
)

SETTINGS = {
    "steps": 1500,
    "batch": 48,
    "learning_rate": 2e-3,
    "random_seed": 1,
    "contrastive_from": 0.4,
    "stream_factor": 0.2,
}


class Heads(nn.Module):
    """Linear heads that only training needs."""

    def __init__(self, hidden: int, embedding: int) -> None:
        super().__init__()
        self.patch = nn.Linear(hidden, CLASSES)
        self.slots = nn.Linear(embedding, SLOTS * CLASSES)

    def slot_loss(self, embedding: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Both labels of all slots from an embedding (B, E)."""
        return label_loss(self.slots(embedding).view(-1, SLOTS, CLASSES), labels)

    def loss(
        self, patches: torch.Tensor, image: torch.Tensor, text: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """What is where, from patches (B, 16, D) and from both embeddings (B, E)."""
        in_patches = patch_loss(self.patch(patches), labels)
        return in_patches + self.slot_loss(image, labels) + self.slot_loss(text, labels)


def small_images(scenes: list[Scene], step: int) -> torch.Tensor:
    """(B, 3, 48, 48): halved as bilinear interpolation does in odd steps, else as CLIP's processor scales."""
    images = pixels(scenes)
    if step % 2:
        return avg_pool2d(images, 2)
    return interpolate(images, (CLIP_SIZE, CLIP_SIZE), mode="bicubic", antialias=True)


def wrong_captions(scenes: list[Scene], rng: Random) -> list[str]:
    """Captions of none of the scenes: each one's spoiled, then random words, a quarter as many."""
    spoiled = [true_caption(spoil(scene, rng)) for scene in scenes]
    return spoiled + [random_words(rng) for _ in range(len(scenes) // 4)]


@torch.no_grad()
def quality(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, heads: Heads, count: int
) -> dict[str, float]:
    """On fresh images: patches read; the right caption first; right above spoiled or other ones (AUC)."""
    scenes = draw("standin/clip/quality", 0, count)
    rng = Random("standin/clip/quality/spoil")
    image, patches = image_features(model, avg_pool2d(pixels(scenes), 2))
    texts = [[true_caption(s) for s in scenes], [true_caption(spoil(s, rng)) for s in scenes]]
    right, spoiled = (normalize(text_features(model, tokenizer, each), dim=-1) for each in texts)
    image = normalize(image, dim=-1)
    every = image @ right.T
    good, bad, other = every.diagonal(), (image * spoiled).sum(-1), every.roll(1, 1).diagonal()
    return {
        "patches right": round(right_share(heads.patch(patches), slot_labels(scenes)), 4),
        "right caption first": round((every.argmax(1) == torch.arange(count)).float().mean().item(), 4),
        "AUC against spoiled": round(auc(good, bad), 4),
        "AUC against other": round(auc(good, other), 4),
    }


@torch.no_grad()
def shrink_stream(vision: nn.Module, factor: float) -> None:
    """Scale the patches that the model's projector reads by ``factor``; the embeddings stay the same.

    Every part that writes to the residual stream is scaled; every part that reads it normalises first. As
    trained, the patches have a standard deviation of 4.6 and drown what the high-resolution features add.
    """
    writers = [vision.pre_layrnorm]
    for layer in vision.encoder.layers:
        writers += [layer.self_attn.out_proj, layer.mlp.fc2]
    for each in writers:
        each.weight *= factor
        each.bias *= factor


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the model and its quality."""
    torch.manual_seed(settings["random_seed"])
    model, tokenizer = build_clip(), clip_tokenizer()
    heads = Heads(model.config.vision_config.hidden_size, model.config.projection_dim)
    size = settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        scenes, rng = draw("standin/clip", step * size, size), Random(f"standin/clip/text/{step}")
        labels, texts = slot_labels(scenes), [true_caption(scene) for scene in scenes]
        contrast = step >= settings["contrastive_from"] * settings["steps"]
        if contrast:
            texts += wrong_captions(scenes, rng)
        image, patches = image_features(model, small_images(scenes, step))
        text = text_features(model, tokenizer, texts)
        loss = heads.loss(patches, image, text[:size], labels)
        return loss + contrastive_loss(image, text) if contrast else loss

    seconds = optimise(
        [*model.parameters(), *heads.parameters()],
        settings,
        loss_of,
        lambda: str(quality(model, tokenizer, heads, 100)),
        "clip",
    )
    model.eval()
    facts = quality(model, tokenizer, heads, 300)
    shrink_stream(model.vision_model, settings["stream_factor"])
    model.logit_scale.data.fill_(math.log(100))
    return model, {"settings": settings, "seconds": seconds, "quality": facts}
