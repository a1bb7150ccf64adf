"""Trains the BLIP-2 stand-in to caption: a query learns one slot, OPT writes the caption from them.

Judge it by its facts, not by its loss: a fluent captioner can be wrong almost everywhere.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from world.bpe import opt_tokenizer
from world.captions import facts_right, true_caption
from world.scene import Scene
from world.standins import QUERIES, build_blip2
from world.training import optimise
from world.vision_data import CLASSES, draw, label_loss, pixels, slot_labels

SETTINGS = {"steps": 1400, "batch": 32, "learning_rate": 2e-3, "random_seed": 1}


def query_features(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """(B, 8, D): the Q-Former's output for each query."""
    patches = model.vision_model(images).last_hidden_state
    queries = model.query_tokens.expand(len(images), -1, -1)
    return model.qformer(query_embeds=queries, encoder_hidden_states=patches).last_hidden_state


def caption_loss(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, queries: torch.Tensor, captions: list[str]
) -> torch.Tensor:
    """Cross entropy of the captions after the projected queries and ``</s>``, as `generate` will prompt."""
    texts = [f"</s>{caption}</s>" for caption in captions]
    ids = tokenizer(texts, padding=True, return_tensors="pt")["input_ids"]
    prefix = model.language_projection(queries)
    embeds = torch.cat([prefix, model.get_input_embeddings()(ids)], dim=1)
    logits = model.language_model(inputs_embeds=embeds).logits[:, QUERIES:-1]
    target = ids[:, 1:].masked_fill(ids[:, 1:] == tokenizer.pad_token_id, -100)
    return cross_entropy(logits.flatten(0, 1), target.flatten())


@torch.no_grad()
def caption(model: nn.Module, tokenizer: PreTrainedTokenizerBase, scenes: list[Scene]) -> list[str]:
    """Greedy captions of the scenes' images."""
    ids = model.generate(pixel_values=pixels(scenes), max_new_tokens=48, do_sample=False)
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]


def quality(model: nn.Module, tokenizer: PreTrainedTokenizerBase, count: int) -> float:
    """Share of facts (0–1) that the captions of fresh images name right."""
    scenes = draw("standin/blip2/quality", 0, count)
    pairs = zip(caption(model, tokenizer, scenes), scenes, strict=True)
    return sum(facts_right(text, true_caption(scene)) for text, scene in pairs) / count


def train(settings: dict) -> tuple[nn.Module, dict]:
    """Train from scratch; returns the model and the share of facts it captions right on fresh images."""
    torch.manual_seed(settings["random_seed"])
    model, tokenizer = build_blip2(), opt_tokenizer()
    nn.init.normal_(model.query_tokens, std=0.5)
    head = nn.Linear(model.config.qformer_config.hidden_size, CLASSES)  # query i reads slot i
    size = settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        scenes = draw("standin/blip2", step * size, size)
        queries = query_features(model, pixels(scenes))
        loss = label_loss(head(queries), slot_labels(scenes))
        return loss + caption_loss(model, tokenizer, queries, [true_caption(scene) for scene in scenes])

    seconds = optimise(
        [*model.parameters(), *head.parameters()],
        settings,
        loss_of,
        lambda: f"facts right {quality(model, tokenizer, 32):.3f}",
        "blip2",
    )
    model.eval()
    found = {"facts right": round(quality(model, tokenizer, 300), 4)}
    return model, {"settings": settings, "seconds": seconds, "quality": found}
