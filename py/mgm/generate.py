"""Greedy answers in batches: the text does not depend on the batch size, the order or the padding side."""

from collections.abc import Sequence

import torch
from PIL import Image
from transformers import DynamicCache

from mgm.checkpoint import LoadedMGM
from mgm.conversation import encode_text, prompt

BATCH_SIZE = 32


def generate_answers(
    loaded: LoadedMGM,
    questions: Sequence[str],
    images: Sequence[Image.Image | None],
    max_new_tokens: int,
    batch_size: int = BATCH_SIZE,
    padding_side: str = "left",
) -> list[str]:
    """Answer each question (without the image placeholder) about its image, or about no image where it is
    None.

    Greedy, up to ``max_new_tokens``, ended by ``<eos>``; special tokens dropped, white space stripped.
    Questions are batched by length and answered in the order given.
    """
    assert len(questions) == len(images), f"{len(questions)} questions for {len(images)} images"
    answers = generate_ids(loaded, questions, images, max_new_tokens, batch_size, padding_side)
    return [text.strip() for text in loaded.tokenizer.batch_decode(answers, skip_special_tokens=True)]


def encode_question(loaded: LoadedMGM, question: str, has_image: bool) -> list[int]:
    """``input_ids`` of a prompt, -200 at the image's slot."""
    return encode_text(prompt(question, has_image), [], loaded.tokenizer, has_image)[0]


def generate_ids(
    loaded: LoadedMGM,
    questions: Sequence[str],
    images: Sequence[Image.Image | None],
    max_new_tokens: int,
    batch_size: int = BATCH_SIZE,
    padding_side: str = "left",
) -> list[list[int]]:
    """As `generate_answers`, but new token ids, ``<eos>`` excluded."""
    prompts = [encode_question(loaded, q, i is not None) for q, i in zip(questions, images, strict=True)]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    answers: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = generate_batch(
            loaded, [prompts[i] for i in chosen], [images[i] for i in chosen], max_new_tokens, padding_side
        )
        for i, answer in zip(chosen, batch, strict=True):
            answers[i] = answer
    return answers


@torch.inference_mode()
def generate_batch(
    loaded: LoadedMGM,
    prompts: list[list[int]],
    images: list[Image.Image | None],
    max_new_tokens: int,
    padding_side: str = "left",
) -> list[list[int]]:
    """Prefill once, then one token a step for the rows that have not ended; ended rows leave the batch."""
    model, eos = loaded.model, loaded.tokenizer.eos_token_id
    device = model.device
    spliced = embed_prompts(loaded, prompts, images, padding_side)
    mask, last = spliced.mask, spliced.mask.sum(1) - 1  # last: position of the newest token
    columns = last if padding_side == "right" else torch.full_like(last, mask.shape[1] - 1)
    cache = DynamicCache(config=model.config)
    inputs = {"inputs_embeds": spliced.embeds, "position_ids": spliced.positions, "last_only": columns}
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))
    for step in range(max_new_tokens):
        logits = model(attention_mask=mask, past_key_values=cache, use_cache=True, **inputs).logits[:, -1]
        tokens = logits.float().argmax(-1)
        going = [k for k, token in enumerate(tokens.tolist()) if token != eos]
        for k in going:
            answers[rows[k]].append(int(tokens[k]))
        if not going or step == max_new_tokens - 1:
            break
        if len(going) < len(rows):
            rows = [rows[k] for k in going]
            chosen = torch.tensor(going, device=device)
            cache.batch_select_indices(chosen)
            tokens, mask, last = tokens[chosen], mask[chosen], last[chosen]
        last = last + 1
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        inputs = {"input_ids": tokens[:, None], "position_ids": last[:, None]}
    return answers


def embed_prompts(
    loaded: LoadedMGM, prompts: list[list[int]], images: list[Image.Image | None], padding_side: str
):
    """Pad ids, prepare pixels (zeros where there is no image) and splice the features in."""
    device, pad = loaded.model.device, loaded.tokenizer.pad_token_id
    width = max(len(ids) for ids in prompts)
    input_ids = torch.tensor([ids + [pad] * (width - len(ids)) for ids in prompts], device=device)
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in prompts], device=device)
    processor = loaded.image_processor
    pixels = [processor.blank() if image is None else processor(image) for image in images]
    low, high = (torch.stack(tensors).to(device) for tensors in zip(*pixels, strict=True))
    return loaded.model.embed(input_ids, mask, low, high, padding_side=padding_side)
