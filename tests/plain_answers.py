"""The plain way to answer, an oracle for the fast one: a question at a time, whole, and its own tower pass.

The kit's ``model_vqa_loader.py`` and ``model_vqa_mmbench.py``: batch size 1, every position of the prompt
read and given logits, then a token at a time.
"""

from collections.abc import Iterator, Sequence

import torch
from PIL import Image
from transformers import DynamicCache

from mgm.checkpoint import LoadedMGM
from mgm.generate import encode_question


def embed_whole(loaded: LoadedMGM, ids: list[int], image: Image.Image | None) -> torch.Tensor:
    """A prompt with its picture spliced in, (1, L, D)."""
    processor = loaded.image_processor
    low, high = processor.blank() if image is None else processor(image)
    input_ids = torch.tensor([ids])
    return loaded.model.embed(input_ids, torch.ones_like(input_ids), low[None], high[None]).embeds


@torch.inference_mode()
def plain_ids(
    loaded: LoadedMGM, question: str, image: Image.Image | None, max_new_tokens: int
) -> Iterator[int]:
    """New token ids, ``<eos>`` excluded."""
    ids = encode_question(loaded, question, image is not None)
    cache = DynamicCache(config=loaded.model.config)
    inputs = {"inputs_embeds": embed_whole(loaded, ids, image)}
    for _ in range(max_new_tokens):
        logits = loaded.model(past_key_values=cache, use_cache=True, **inputs).logits[0, -1]
        token = int(logits.float().argmax())
        if token == loaded.tokenizer.eos_token_id:
            return
        yield token
        inputs = {"input_ids": torch.tensor([[token]])}


def plain_answers(
    loaded: LoadedMGM, questions: Sequence[str], images: Sequence[Image.Image | None], max_new_tokens: int
) -> list[list[int]]:
    """As `batched_answers`, the plain way."""
    asked = zip(questions, images, strict=True)
    return [list(plain_ids(loaded, question, image, max_new_tokens)) for question, image in asked]
