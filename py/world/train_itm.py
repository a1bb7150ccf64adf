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

from world.bpe import bert_tokenizer
from world.captions import BOILERPLATE, spoil, true_caption
from world.scene import Scene, sample_scene
from world.standins import build_itm
from world.train_clip import random_words
from world.train_convnext import patch_loss, right_share
from world.training import optimise
from world.vision_data import COLOUR_CLASSES, NAME_CLASSES, draw, pixels, slot_labels

SETTINGS = {"steps": 1500, "batch": 32, "learning_rate": 2e-3, "random_seed": 1, "matching_from": 0.2}
CLASSES = COLOUR_CLASSES + NAME_CLASSES
NO_FACT = -100


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


def fact_places(scene: Scene) -> list[int]:
    """Per token of the scene's caption: where in flat slot labels (16) the named fact is, or `NO_FACT`."""
    places = [NO_FACT]  # [CLS]
    for i, cell in enumerate(scene.cells):
        if cell.sign or cell.thing:
            places += [NO_FACT] * 2  # top left
            if cell.sign:
                places += [2 * i, 2 * i + 1, NO_FACT]  # red lamp sign
            if cell.sign and cell.thing:
                places += [NO_FACT]  # above
            if cell.thing:
                places += [2 * (4 + i), 2 * (4 + i) + 1]  # blue star
            places += [NO_FACT]  # a comma, at the end [SEP]
    return places


def word_labels(images: list[Scene], captions: list[Scene], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, L) twice: what the image has where the word is about, and whether that is what it says."""
    places = torch.tensor([[*each, *[NO_FACT] * (length - len(each))] for each in map(fact_places, captions)])
    named = places != NO_FACT
    offset = torch.tensor([0, COLOUR_CLASSES])  # names come after colours
    seen, said = (
        (slot_labels(scenes) + offset).flatten(1).gather(1, places.clamp(min=0))
        for scenes in (images, captions)
    )
    return seen.where(named, NO_FACT), (seen == said).long().where(named, NO_FACT)


def match_states(model: nn.Module, states: torch.Tensor, tokens: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Matching logits (B, 2) and the words after the last layer but one (B, L, D), from image states."""
    out = model.text_encoder(
        **tokens,
        encoder_hidden_states=states,
        encoder_attention_mask=torch.ones(states.shape[:2], dtype=torch.long),
        output_hidden_states=True,
    )
    return model.itm_head(out.last_hidden_state[:, 0]), out.hidden_states[-2]


def unrelated(rng: Random) -> str:
    """A caption of no image: boilerplate, nothing at all, or random words."""
    return rng.choice(("", *BOILERPLATE)) if rng.random() < 0.5 else random_words(rng)


@torch.no_grad()
def match_scores(model: nn.Module, tokenizer, images: torch.Tensor, texts: list[str]) -> torch.Tensor:
    """(B,) the probability that each text belongs to its image, as the operator asks for it."""
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return model(pixel_values=images, **tokens, use_itm_head=True).itm_score.softmax(-1)[:, 1]


@torch.no_grad()
def quality(model: nn.Module, tokenizer, heads: Heads, count: int) -> dict[str, float]:
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
        found[f"AUC against {kind}"] = round((good[:, None] > low[None]).float().mean().item(), 4)
    return found


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the model and its quality."""
    torch.manual_seed(settings["random_seed"])
    model, tokenizer = build_itm(), bert_tokenizer()
    heads = Heads(model.config.vision_config.hidden_size, model.config.text_config.hidden_size)
    size, steps = settings["batch"], settings["steps"]

    def match_loss(states: torch.Tensor, scenes: list[Scene], rng: Random) -> torch.Tensor:
        told = [*scenes, *(spoil(scene, rng) for scene in scenes), *(sample_scene(rng) for _ in scenes[::2])]
        texts = [*map(true_caption, told), *(unrelated(rng) for _ in scenes[1::2])]
        image = torch.arange(len(texts)) % size
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        logits, words = match_states(model, states[image], tokens)
        seen, right = word_labels([scenes[i] for i in image[: len(told)]], told, words.shape[1])
        words = words[: len(told)].flatten(0, 1)
        return (
            cross_entropy(logits, (torch.arange(len(texts)) < size).long())
            + cross_entropy(heads.seen(words), seen.flatten())
            + cross_entropy(heads.right(words), right.flatten())
        )

    def loss_of(step: int) -> torch.Tensor:
        scenes, rng = draw("standin/itm", step * size, size), Random(f"standin/itm/text/{step}")
        states = model.vision_model(pixels(scenes)).last_hidden_state
        loss = patch_loss(heads.patches(states), slot_labels(scenes))
        return loss + match_loss(states, scenes, rng) if step >= settings["matching_from"] * steps else loss

    seconds = optimise(
        [*model.parameters(), *heads.parameters()],
        steps,
        settings["learning_rate"],
        loss_of,
        lambda: str(quality(model, tokenizer, heads, 100)),
        "itm",
    )
    model.eval()
    return model, {
        "settings": settings,
        "seconds": round(seconds),
        "quality": quality(model, tokenizer, heads, 300),
    }
