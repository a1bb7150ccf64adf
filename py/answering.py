"""A checkpoint answers questions: in batches by picture, whose images are prepared meanwhile."""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from mgm.batching import batches_by_picture
from pictures import PictureFile
from questions import Question

LOADERS = min(4, len(os.sched_getaffinity(0)))  # threads; the kit's loader has four processes
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # openai/clip-vit-large-patch14-336, preprocessor_config.json


class Answerer(NamedTuple):
    """A checkpoint: ``prepare`` makes an image what ``answer`` takes, one for each of its questions."""

    prepare: Callable[[PictureFile], Any]
    answer: Callable[[list[str], list[Any]], list[str]]


def answer_questions(
    args: Namespace, questions: list[Question], texts: list[str], file_of: Callable[[Question], PictureFile]
) -> list[str]:
    """Answers to ``questions``, each asked as in ``texts`` about its image; for none no model is loaded."""
    if not questions:
        return []

    def load_file(i: int) -> PictureFile:
        file = file_of(questions[i])
        return blank(file) if args.blank_image else file

    pictures = [question.image for question in questions]
    answerer = load_answerer(args, len(set(pictures)))
    return answer_all(texts, pictures, load_file, answerer, args.batch_size)


def load_answerer(args: Namespace, pictures: int) -> Answerer:
    """The checkpoint, which answers greedily questions about so many different ``pictures``."""
    import torch

    from mgm.checkpoint import load_mgm
    from mgm.features import open_features
    from mgm.generate import as_texts, encode_question, generate_batch

    towers = {"vision_tower": args.vision_tower, "vision_tower_aux": args.vision_tower_aux}
    loaded = load_mgm(args.model_path, dtype=getattr(torch, args.dtype), device=args.device, **towers)
    if args.feature_cache:
        where = args.feature_cache, args.feature_cache_gb
        about = loaded.model.model, loaded.image_processor, pictures, args.batch_size
        loaded.features = open_features(*where, *about, say)

    def prepare(file: PictureFile) -> Any:
        return file if loaded.features else loaded.image_processor(file.picture())

    def answer(texts: list[str], images: list) -> list[str]:
        prompts = [encode_question(loaded, text, True) for text in texts]
        return as_texts(loaded, generate_batch(loaded, prompts, images, args.max_new_tokens))

    return Answerer(prepare, answer)


def say(text: str) -> None:
    """One line on stderr, in one write: print makes two, and another chunk's line could come between."""
    sys.stderr.write(f"{Path(sys.argv[0]).name}: {text}\n")


def blank(file: PictureFile) -> PictureFile:
    """A picture of the same size in CLIP's mean colour, which normalises to zero."""
    colour, content = tuple(int(255 * channel) for channel in CLIP_MEAN), io.BytesIO()
    Image.new("RGB", file.picture().size, colour).save(content, "PNG")
    return file._replace(content=content.getvalue())


def answer_all(
    texts: list[str],
    pictures: list[str],
    load_file: Callable[[int], PictureFile],
    answerer: Answerer,
    batch_size: int,
) -> list[str]:
    """Answers to ``texts`` in their order; ``pictures`` are equal where questions share an image.

    ``load_file(i)`` gives question i's image. About every tenth, one line of progress goes to stderr
    (several stages may share the terminal).
    """
    batches = list(batches_by_picture(pictures, [len(text) for text in texts], batch_size))
    answers, done, told = [""] * len(texts), 0, 0
    for batch, images in prepared(batches, pictures, lambda i: answerer.prepare(load_file(i))):
        given = answerer.answer([texts[i] for i in batch], images)
        assert len(given) == len(batch), f"{len(given)} answers to {len(batch)} questions"
        for i, answer in zip(batch, given, strict=True):
            answers[i] = answer
        done += len(batch)
        if done * 10 // len(texts) > told:
            told = done * 10 // len(texts)
            say(f"{done} of {len(texts)} questions")
    return answers


def prepared(
    batches: list[list[int]], pictures: list[str], prepare: Callable[[int], Any]
) -> Iterator[tuple[list[int], list[Any]]]:
    """Each batch with its questions' images, ``prepare(i)`` called once for all questions of an image.

    Threads prepare a batch's images while the one before is answered: two batches' are in memory at most.
    """
    with ThreadPoolExecutor(LOADERS) as pool:

        def begin(batch: list[int]) -> dict[str, Future]:
            one_of = {pictures[i]: i for i in reversed(batch)}
            return {picture: pool.submit(prepare, i) for picture, i in one_of.items()}

        coming = begin(batches[0])
        for batch, following in zip(batches, [*batches[1:], []], strict=True):
            ready = {picture: future.result() for picture, future in coming.items()}
            coming = begin(following)
            yield batch, [ready[pictures[i]] for i in batch]
