"""Reading prompts before the first answer's token: what a picture's questions share is read once.

A prompt begins with the same ids for every question about a picture, and the picture stands among them:

    <bos><start_of_turn>user\\n <image> | \\n What is shown?<end_of_turn>\\n<start_of_turn>model\\n
    the prefix, once a picture          | the rest, once a question

The decoder sees only backwards, so that the prefix's keys and values are the same whatever follows: they are
computed once a picture, copied to its questions' rows of the cache, and only the rest is read for each.
"""

import torch
from transformers import DynamicCache

from mgm.checkpoint import LoadedMGM
from mgm.config import IMAGE_TOKEN_INDEX
from pictures import PictureFile

Pixels = tuple[torch.Tensor, torch.Tensor]  # a picture as `ImageProcessor` gives it


def after_picture(ids: list[int]) -> list[int]:
    """The rest of a prompt: what follows the image's slot, or all of it."""
    return ids[ids.index(IMAGE_TOKEN_INDEX) + 1 :] if IMAGE_TOKEN_INDEX in ids else ids


def pad(rows: list[list[int]], loaded: LoadedMGM, side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """``rows`` of ids as (B, L) ids and mask, padded on ``side``."""
    width = max(len(ids) for ids in rows)
    padded = torch.full((2, len(rows), width), loaded.tokenizer.pad_token_id)
    padded[1] = 0
    for k, ids in enumerate(rows):
        at = slice(width - len(ids), None) if side == "left" else slice(len(ids))
        padded[0, k, at] = torch.tensor(ids)
        padded[1, k, at] = 1
    return tuple(padded.to(loaded.model.device))


def read_pictures(
    loaded: LoadedMGM,
    prompts: list[list[int]],
    pictures: list[Pixels | PictureFile | None],
    cache: DynamicCache,
) -> torch.Tensor:
    """Fill the cache with each row's prefix, computed once a picture; returns the mask (B, columns filled).

    A row without a picture gets another's prefix and a mask that hides it.
    """
    has = [picture is not None for picture in pictures]
    device = loaded.model.device
    if not any(has):
        return torch.ones(len(prompts), 0, dtype=torch.long, device=device)
    first = prompts[has.index(True)]
    prefix = first[: first.index(IMAGE_TOKEN_INDEX) + 1]
    assert all(ids[: len(prefix)] == prefix for ids, x in zip(prompts, has, strict=True) if x), (
        "prompts that differ before the picture"
    )
    shared = {id(picture): picture for picture in pictures if picture is not None}
    embeds = embed_pictures(loaded, prefix, list(shared.values()))
    # Of the last layer only keys and values count: one column's output is the least that can be asked for.
    wanted = torch.zeros(len(embeds), 1, dtype=torch.long, device=device)
    loaded.model.model(inputs_embeds=embeds, past_key_values=cache, use_cache=True, wanted=wanted)
    places = {key: place for place, key in enumerate(shared)}
    rows = [places.get(id(picture), 0) for picture in pictures]
    if rows != list(range(len(shared))):
        cache.batch_select_indices(torch.tensor(rows, device=device))
    return torch.tensor(has, device=device).long()[:, None].expand(-1, embeds.shape[1])


def embed_pictures(
    loaded: LoadedMGM, prefix: list[int], pictures: list[Pixels | PictureFile]
) -> torch.Tensor:
    """The one place where pictures pass the towers: ``prefix`` with each spliced in, (pictures, L, D)."""
    input_ids = torch.tensor([prefix] * len(pictures), device=loaded.model.device)
    if loaded.features:
        given = loaded.features.features_of(pictures)
    else:
        given = (torch.stack(tensors).to(input_ids.device) for tensors in zip(*pictures, strict=True))
    mask = torch.ones_like(input_ids)
    return loaded.model.embed(input_ids, mask, *given, are_features=bool(loaded.features)).embeds
