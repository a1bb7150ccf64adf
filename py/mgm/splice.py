"""Put image features into the sequence: from ids with one slot per image to padded embeddings."""

from dataclasses import dataclass

import torch
from torch import nn

from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX


@dataclass
class Spliced:
    """``embeds`` (B, L, D), ``mask`` (B, L) of 0 and 1, ``positions`` (B, L), ``labels`` (B, L) or None."""

    embeds: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor
    labels: torch.Tensor | None


def splice(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    labels: torch.Tensor | None,
    embed_tokens: nn.Module,
    image_features: torch.Tensor,
) -> Spliced:
    """Replace each -200 in ``input_ids`` (B, S) by the next ``image_features`` (images, P, D), row by row.

    ``embed_tokens`` gives embeddings as the decoder takes them (already scaled); ``image_features`` must be
    scaled alike. Padding in the input, on either side, is dropped; zeros pad the output on the right.
    """
    keep = attention_mask.bool()
    slots = (input_ids == IMAGE_TOKEN_INDEX) & keep
    words = keep & ~slots
    patches = image_features.shape[1]
    assert int(slots.sum()) == len(image_features), (
        f"{int(slots.sum())} image slots for {len(image_features)} image features"
    )
    columns, mask, positions = lay_out(torch.where(slots, patches, 1) * keep)
    at_words = words.nonzero()[:, 0], columns[words]
    patch_columns = columns[slots][:, None] + torch.arange(patches, device=columns.device)  # (images, P)
    at_patches = slots.nonzero()[:, :1], patch_columns
    word_embeds = embed_tokens(input_ids[words])  # (words, D)
    embeds = word_embeds.new_zeros(*mask.shape, word_embeds.shape[-1])  # (B, L, D)
    embeds = embeds.index_put(at_words, word_embeds)
    embeds = embeds.index_put(at_patches, image_features.to(embeds.dtype))
    if labels is not None:
        labels = labels.new_full(mask.shape, IGNORE_INDEX).index_put(at_words, labels[words])
    return Spliced(embeds, mask, positions, labels)


def lay_out(width: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where ids that take ``width`` (B, S) positions begin, (B, S); the mask and the positions, (B, L)."""
    ends = width.cumsum(1)
    lengths = ends[:, -1:]  # (B, 1)
    positions = torch.arange(int(lengths.max()), device=width.device).repeat(len(width), 1)
    return ends - width, (positions < lengths).long(), positions
