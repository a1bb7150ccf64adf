"""Embeddings of the CLIP stand-in's images and texts, and the loss that brings those that match together."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize
from transformers import PreTrainedTokenizerBase

SCALE = 20.0  # of the cosines while training; the stored scale is 100, as the official model's is


def image_features(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (B, E) and the patches of the last layer but one (B, 16, D), which Mini-Gemini reads."""
    out = model.vision_model(images, output_hidden_states=True)
    return model.visual_projection(out.pooler_output), out.hidden_states[-2][:, 1:]


def text_features(model: nn.Module, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> torch.Tensor:
    """Embeddings (B, E) of texts."""
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return model.text_projection(model.text_model(**tokens).pooler_output)


def contrastive_loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Image i (B, E) belongs to text i of (≥ B, E)."""
    logits = SCALE * normalize(image, dim=-1) @ normalize(text, dim=-1).T
    right = torch.arange(len(image))
    return cross_entropy(logits, right) + cross_entropy(logits[:, : len(image)].T, right)
