"""Trains the BLIP stand-in to say whether a caption matches an image: dense labels first, then the match.

A patch learns what is there. Then every word of a caption that names a fact learns to look up what the image
has in its place, and whether that is what it says: the layer below the last knows which words are wrong, the
last one has ``[CLS]`` collect them. Without this, look-up is a plateau that the matching head alone never
leaves. The other captions are spoiled ones, those of another image, the web's boilerplate, and random words.
"""

from random import Random

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy
from transformers import PreTrainedTokenizerBase

from world.bpe import bert_tokenizer
from world.captions import BOILERPLATE, spoil, true_caption
from world.scene import Scene, sample_scene
from world.standins import build_itm
from world.texts import random_words
from world.training import auc, optimise
from world.vision_data import CLASSES, draw, patch_loss, pixels, right_share, slot_labels
from world.word_labels import word_labels

SETTINGS = {"steps": 1500, "batch": 32, "learning_rate": 2e-3, "random_seed": 1, "matching_from": 0.2}


class Heads(nn.Module):
    """Linear heads that only training needs."""

    def __init__(self, vision: int, text: int) -> None:
        super().__init__()
        self.patch = nn.Linear(vision, CLASSES)
        self.seen = nn.Linear(text, CLASSES)
        self.right = nn.Linear(text, 2)

    def patches(self, states: torch.Tensor) -> torch.Tensor:
        """(B, 1 + 64, D) → logits of 4 × 4 patches of 24 px, (B, 16, C)."""
        grid = states[:, 1:].unflatten(1, (8, 8)).permute(0, 3, 1, 2)
        return self.patch(avg_pool2d(grid, 2).flatten(2).transpose(1, 2))


def match_states(model: nn.Module, states: torch.Tensor, tokens: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Matching logits (B, 2) and the words after the last layer but one (B, L, D), from image states."""
    out = model.text_encoder(
        **tokens,
        encoder_hidden_states=states,
        encoder_attention_mask=torch.ones(states.shape[:2], dtype=torch.long),
        output_hidden_states=True,
    )
    return model.itm_head(out.last_hidden_state[:, 0]), out.hidden_states[-2]


def match_loss(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    states: torch.Tensor,
    scenes: list[Scene],
    rng: Random,
) -> torch.Tensor:
    """Loss of matching images, ``states`` (B, 1 + 64, D) of ``scenes``, and of their captions' words.

    Each image is asked about its own caption, its spoiled one, and that of another scene or of none.
    """
    told = [*scenes, *(spoil(scene, rng) for scene in scenes), *(sample_scene(rng) for _ in scenes[::2])]
    texts = [*map(true_caption, told), *(unrelated(rng) for _ in scenes[1::2])]
    image = torch.arange(len(texts)) % len(scenes)
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    logits, words = match_states(model, states[image], tokens)
    seen, right = word_labels([scenes[i] for i in image[: len(told)]], told, words.shape[1])
    words = words[: len(told)].flatten(0, 1)
    return (
        cross_entropy(logits, (torch.arange(len(texts)) < len(scenes)).long())
        + cross_entropy(heads.seen(words), seen.flatten())
        + cross_entropy(heads.right(words), right.flatten())
    )


def unrelated(rng: Random) -> str:
    """A caption of no image: boilerplate, nothing at all, or random words."""
    return rng.choice(("", *BOILERPLATE)) if rng.random() < 0.5 else random_words(rng)


@torch.no_grad()
def match_scores(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, images: torch.Tensor, texts: list[str]
) -> torch.Tensor:
    """(B,) the probability that each text belongs to its image, as the operator asks for it."""
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return model(pixel_values=images, **tokens, use_itm_head=True).itm_score.softmax(-1)[:, 1]


@torch.no_grad()
def quality(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, heads: Heads, count: int
) -> dict[str, float]:
    """On fresh images: patches read, and right captions scored above each kind of wrong ones (AUC)."""
    scenes, rng = draw("standin/itm/quality", 0, count), Random("standin/itm/quality/text")
    images = pixels(scenes)
    right = [true_caption(scene) for scene in scenes]
    wrong = {
        "spoiled": [true_caption(spoil(scene, rng)) for scene in scenes],
        "other": right[1:] + right[:1],
        "boilerplate": [rng.choice(BOILERPLATE) for _ in scenes],
        "random words": [random_words(rng) for _ in scenes],
    }
    good = match_scores(model, tokenizer, images, right)
    patches = heads.patches(model.vision_model(images).last_hidden_state)
    found = {"patches right": round(right_share(patches, slot_labels(scenes)), 4)}
    for kind, texts in wrong.items():
        low = match_scores(model, tokenizer, images, texts)
        found[f"AUC against {kind}"] = round(auc(good, low), 4)
    return found


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the model and its quality."""
    torch.manual_seed(settings["random_seed"])
    model, tokenizer = build_itm(), bert_tokenizer()
    heads = Heads(model.config.vision_config.hidden_size, model.config.text_config.hidden_size)
    size = settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        scenes, rng = draw("standin/itm", step * size, size), Random(f"standin/itm/text/{step}")
        states = model.vision_model(pixels(scenes)).last_hidden_state
        loss = patch_loss(heads.patches(states), slot_labels(scenes))
        if step < settings["matching_from"] * settings["steps"]:
            return loss
        return loss + match_loss(model, tokenizer, heads, states, scenes, rng)

    seconds = optimise(
        [*model.parameters(), *heads.parameters()],
        settings,
        loss_of,
        lambda: str(quality(model, tokenizer, heads, 100)),
        "itm",
    )
    model.eval()
    found = quality(model, tokenizer, heads, 300)
    return model, {"settings": settings, "seconds": seconds, "quality": found}
