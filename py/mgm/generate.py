"""Greedy answers in batches: the text does not depend on the batch size, the order or the padding side."""

import torch
from transformers import DynamicCache

from mgm.checkpoint import LoadedMGM
from mgm.conversation import encode_text, prompt
from mgm.prefill import Pixels, after_picture, pad, read_pictures
from pictures import PictureFile


def as_texts(loaded: LoadedMGM, answers: list[list[int]]) -> list[str]:
    """Token ids as stripped texts without special tokens."""
    return [text.strip() for text in loaded.tokenizer.batch_decode(answers, skip_special_tokens=True)]


def encode_question(loaded: LoadedMGM, question: str, has_image: bool) -> list[int]:
    """``input_ids`` of a prompt, -200 at the image's slot."""
    return encode_text(prompt(question, has_image), [], loaded.tokenizer, has_image)[0]


@torch.inference_mode()
def generate_batch(
    loaded: LoadedMGM,
    prompts: list[list[int]],
    pictures: list[Pixels | PictureFile | None],
    max_new_tokens: int,
    padding_side: str = "left",
) -> list[list[int]]:
    """Prefill once, then one token a step for the rows that have not ended.

    Rows of one picture share it as one object; with ``loaded.features`` it is its file. The cache's columns:
    prefix | rest, padded | new tokens.
    """
    cache = DynamicCache(config=loaded.model.config)
    seen = read_pictures(loaded, prompts, pictures, cache)  # (B, prefix)
    input_ids, mask = pad([after_picture(ids) for ids in prompts], loaded, padding_side)
    columns = (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).argmax(1)  # the last of each
    mask = torch.cat([seen, mask], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    inputs = {"input_ids": input_ids, "position_ids": positions[:, seen.shape[1] :], "last_only": columns}
    return decode(loaded, cache, mask, inputs, max_new_tokens)


def decode(
    loaded: LoadedMGM, cache: DynamicCache, mask: torch.Tensor, inputs: dict, max_new_tokens: int
) -> list[list[int]]:
    """The answers' ids from the cached prefix and the rest of each prompt; ended rows leave the batch.

    ``mask`` (B, columns) covers both, ``inputs`` is what the model is given of the rest.
    """
    model, eos = loaded.model, loaded.tokenizer.eos_token_id
    answers: list[list[int]] = [[] for _ in mask]
    rows = list(range(len(mask)))
    last = inputs["position_ids"][:, -1]  # position of the newest token
    for step in range(max_new_tokens):
        logits = model(attention_mask=mask, past_key_values=cache, use_cache=True, **inputs).logits[:, -1]
        tokens = logits.float().argmax(-1)
        given = tokens.tolist()
        going = [k for k, token in enumerate(given) if token != eos]
        for k in going:
            answers[rows[k]].append(given[k])
        if not going or step == max_new_tokens - 1:
            break
        if len(going) < len(rows):
            rows = [rows[k] for k in going]
            chosen = torch.tensor(going, device=mask.device)
            cache.batch_select_indices(chosen)
            tokens, mask, last = tokens[chosen], mask[chosen], last[chosen]
        last = last + 1
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        inputs = {"input_ids": tokens[:, None], "position_ids": last[:, None]}
    return answers
