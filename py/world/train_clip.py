"""Trains the CLIP stand-in: patches and embeddings learn what is where, then captions to match images.

One linear head reads the slots from the image's and the text's embedding, so that both mean the same before
the contrastive loss, whose negatives are the other captions, spoiled ones, and captions of random words.
"""

import math
from random import Random

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, normalize

from world.bpe import clip_tokenizer, world_texts
from world.captions import spoil, true_caption
from world.standins import CLIP_SIZE, build_clip
from world.train_convnext import patch_loss, right_share
from world.training import optimise
from world.vision_data import COLOUR_CLASSES, NAME_CLASSES, SLOTS, draw, halve, pixels, slot_labels

SETTINGS = {
    "steps": 1500,
    "batch": 48,
    "learning_rate": 2e-3,
    "random_seed": 1,
    "contrastive_from": 0.4,
    "stream_factor": 0.2,
}
SCALE = 20.0  # of the cosines while training; the stored scale is 100, as the official model's is
CLASSES = COLOUR_CLASSES + NAME_CLASSES


class Heads(nn.Module):
    """Linear heads that only training needs."""

    def __init__(self, hidden: int, embedding: int) -> None:
        super().__init__()
        self.patch = nn.Linear(hidden, CLASSES)
        self.slots = nn.Linear(embedding, SLOTS * CLASSES)

    def slot_loss(self, embedding: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Both labels of all slots from an embedding (B, E)."""
        logits = self.slots(embedding).view(-1, SLOTS, CLASSES)
        colour, name = logits.split((COLOUR_CLASSES, NAME_CLASSES), dim=-1)
        return cross_entropy(colour.flatten(0, 1), labels[..., 0].flatten()) + cross_entropy(
            name.flatten(0, 1), labels[..., 1].flatten()
        )


def image_features(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (B, E) and the patches of the last layer but one (B, 16, D), which Mini-Gemini reads."""
    out = model.vision_model(images, output_hidden_states=True)
    return model.visual_projection(out.pooler_output), out.hidden_states[-2][:, 1:]


def text_features(model: nn.Module, tokenizer, texts: list[str]) -> torch.Tensor:
    """Embeddings (B, E) of texts."""
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return model.text_projection(model.text_model(**tokens).pooler_output)


def random_words(rng: Random) -> str:
    """A caption of nothing: words in no order."""
    words = " ".join(rng.sample(world_texts(), 3)).split()
    return " ".join(rng.sample(words, rng.randint(4, min(24, len(words)))))


def contrastive_loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Image i (B, E) belongs to text i of (≥ B, E)."""
    logits = SCALE * normalize(image, dim=-1) @ normalize(text, dim=-1).T
    right = torch.arange(len(image))
    return cross_entropy(logits, right) + cross_entropy(logits[:, : len(image)].T, right)


@torch.no_grad()
def quality(model: nn.Module, tokenizer, heads: Heads, count: int) -> dict[str, float]:
    """On fresh images: patches read; the right caption first; right above spoiled or other ones (AUC)."""
    scenes = draw("standin/clip/quality", 0, count)
    rng = Random("standin/clip/quality/spoil")
    image, patches = image_features(model, halve(pixels(scenes)))
    texts = [[true_caption(s) for s in scenes], [true_caption(spoil(s, rng)) for s in scenes]]
    right, spoiled = (normalize(text_features(model, tokenizer, each), dim=-1) for each in texts)
    image = normalize(image, dim=-1)
    every = image @ right.T
    good, bad, other = every.diagonal(), (image * spoiled).sum(-1), every.roll(1, 1).diagonal()
    auc = {
        name: (good[:, None] > low[None]).float().mean().item()
        for name, low in (("spoiled", bad), ("other", other))
    }
    return {
        "patches right": round(right_share(heads.patch(patches), slot_labels(scenes)), 4),
        "right caption first": round((every.argmax(1) == torch.arange(count)).float().mean().item(), 4),
        "AUC against spoiled": round(auc["spoiled"], 4),
        "AUC against other": round(auc["other"], 4),
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
    size, steps = settings["batch"], settings["steps"]

    def loss_of(step: int) -> torch.Tensor:
        scenes, rng = draw("standin/clip", step * size, size), Random(f"standin/clip/text/{step}")
        images = pixels(scenes)
        small = (
            halve(images)
            if step % 2
            else interpolate(images, (CLIP_SIZE, CLIP_SIZE), mode="bicubic", antialias=True)
        )
        labels, texts = slot_labels(scenes), [true_caption(scene) for scene in scenes]
        contrast = step >= settings["contrastive_from"] * steps
        if contrast:
            texts += [true_caption(spoil(scene, rng)) for scene in scenes] + [
                random_words(rng) for _ in range(size // 4)
            ]
        image, patches = image_features(model, small)
        text = text_features(model, tokenizer, texts)
        loss = patch_loss(heads.patch(patches), labels) + heads.slot_loss(image, labels)
        loss = loss + heads.slot_loss(text[:size], labels)
        return loss + contrastive_loss(image, text) if contrast else loss

    seconds = optimise(
        [*model.parameters(), *heads.parameters()],
        steps,
        settings["learning_rate"],
        loss_of,
        lambda: str(quality(model, tokenizer, heads, 100)),
        "clip",
    )
    model.eval()
    facts = quality(model, tokenizer, heads, 300)
    shrink_stream(model.vision_model, settings["stream_factor"])
    with torch.no_grad():
        model.logit_scale.fill_(math.log(100))
    return model, {"settings": settings, "seconds": round(seconds), "quality": facts}
