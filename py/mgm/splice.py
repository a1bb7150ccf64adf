"""Put image features into the sequence: from ids with one slot per image to padded embeddings."""

from dataclasses import dataclass

import torch

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
    embed_tokens,
    image_features: torch.Tensor,
    padding_side: str = "right",
) -> Spliced:
    """Replace each -200 in ``input_ids`` (B, S) by the next ``image_features`` (images, P, D), in reading
    order.

    ``embed_tokens`` maps ids to embeddings as the decoder takes them (already scaled); ``image_features``
    must be scaled alike. Padding in the input, on either side, is dropped; the output is padded with zeros on
    ``padding_side``.
    """
    keep = attention_mask.bool()
    slots = (input_ids == IMAGE_TOKEN_INDEX) & keep
    patches = image_features.shape[1]
    assert int(slots.sum()) == len(image_features), (
        f"{int(slots.sum())} image slots for {len(image_features)} image features"
    )
    width = torch.where(slots, patches, 1) * keep  # (B, S): positions that each id takes
    ends = width.cumsum(1)
    lengths = ends[:, -1:]  # (B, 1)
    total = int(lengths.max())
    shift = total - lengths if padding_side == "left" else torch.zeros_like(lengths)
    columns = ends - width + shift  # (B, S): where each id begins
    words = keep & ~slots
    word_rows, slot_rows = words.nonzero()[:, 0], slots.nonzero()[:, 0]
    word_embeds = embed_tokens(input_ids[words])  # (words, D)
    embeds = word_embeds.new_zeros(len(input_ids), total, word_embeds.shape[-1])
    embeds = embeds.index_put((word_rows, columns[words]), word_embeds)
    patch_columns = columns[slots][:, None] + torch.arange(patches, device=columns.device)  # (images, P)
    embeds = embeds.index_put((slot_rows[:, None], patch_columns), image_features.to(embeds.dtype))
    steps = (
        torch.arange(total, device=columns.device) - shift
    )  # (B, L): negative before a left-padded sequence
    spliced_labels = None
    if labels is not None:
        spliced_labels = labels.new_full((len(input_ids), total), IGNORE_INDEX)
        spliced_labels[word_rows, columns[words]] = labels[words]
    return Spliced(embeds, ((steps >= 0) & (steps < lengths)).long(), steps.clamp(min=0), spliced_labels)
