"""Answers by the product's own batches, of questions and pictures as lists."""

from collections.abc import Sequence

from PIL import Image

from mgm.batching import batches_by_picture
from mgm.checkpoint import LoadedMGM
from mgm.generate import encode_question, generate_batch


def batched_answers(
    loaded: LoadedMGM,
    questions: Sequence[str],
    images: Sequence[Image.Image | None],
    max_new_tokens: int,
    batch_size: int = 32,
    padding_side: str = "left",
) -> list[list[int]]:
    """New token ids of each question about its image, or about none where it is None; ``<eos>`` excluded.

    One image object given for several questions is read once.
    """
    prompts = [encode_question(loaded, q, i is not None) for q, i in zip(questions, images, strict=True)]
    keys = [None if image is None else id(image) for image in images]
    answers: list[list[int]] = [[] for _ in prompts]
    for chosen in batches_by_picture(keys, [len(ids) for ids in prompts], batch_size):
        pixels = {keys[i]: loaded.image_processor(images[i]) for i in chosen if images[i] is not None}
        of = [pixels.get(keys[i]) for i in chosen]
        batch = generate_batch(loaded, [prompts[i] for i in chosen], of, max_new_tokens, padding_side)
        for i, answer in zip(chosen, batch, strict=True):
            answers[i] = answer
    return answers
