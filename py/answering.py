"""What both answer scripts share: flags, batches by picture, names of answers, the protocol."""

import io
import os
import sys
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from digest import sha256
from errors import BadInput
from json_files import read_json, write_json, write_jsonl
from mgm.batching import batches_by_picture
from pictures import PictureFile
from questions import Question

LESS_MEMORY = "lower EVAL_BATCH_SIZE, or NUM_GPUS where there is no GPU"
LOADERS = min(4, len(os.sched_getaffinity(0)))  # threads; the kit's loader has four processes
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # openai/clip-vit-large-patch14-336, preprocessor_config.json


class Answerer(NamedTuple):
    """A checkpoint: ``prepare`` makes an image what ``answer`` takes, one for each of its questions."""

    prepare: Callable[[PictureFile], Any]
    answer: Callable[[list[str], list[Any]], list[str]]


def add_flags(parser: ArgumentParser, max_new_tokens: int) -> None:
    """The flags that both answer scripts take, under the kit's names where it has them."""
    parser.add_argument("--model_path", type=Path, required=True, help="the finetuned checkpoint's folder")
    for flag in ("--vision_tower", "--vision_tower_aux"):
        parser.add_argument(flag, type=Path, help="the tower's folder; default: as config.json says")
    parser.add_argument("--question_file", type=Path, required=True, help="all of the test's questions")
    parser.add_argument("--answers_file", type=Path, required=True, help="the .jsonl to write")
    parser.add_argument(
        "--num_chunks", type=int, default=1, help="runs that share the questions (default: 1)"
    )
    parser.add_argument("--chunk_idx", type=int, default=0, help="which share (default: 0, the first)")
    parser.add_argument("--batch_size", type=int, default=16, help="at once (default: 16, official: 1)")
    parser.add_argument(
        "--max_new_tokens", type=int, default=max_new_tokens, help="longest answer (official: %(default)s)"
    )
    parser.add_argument(
        "--dtype",
        choices=("auto", "float32", "float16", "bfloat16"),
        default="auto",
        help="default: auto, float16 on a GPU, as the official evaluation, and float32 on the CPU",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … (default: auto, a GPU if any)")
    parser.add_argument("--feature_cache", type=Path, help="folder of the towers' features (default: none)")
    parser.add_argument("--feature_cache_gb", type=float, default=2, help="most GB in it (default: 2)")
    parser.add_argument(
        "--blank_image",
        action="store_true",
        help="a uniform image (default: the true one): the text-only control",
    )


def resolve(args: Namespace) -> None:
    """Check the numbers; replace ``auto`` in ``args.device`` and ``args.dtype`` by what it stands for."""
    for name in ("batch_size", "max_new_tokens", "num_chunks"):
        if getattr(args, name) < 1:
            raise BadInput(f"--{name} {getattr(args, name)}: must be at least 1")
    if not args.feature_cache_gb >= 0:
        raise BadInput(f"--feature_cache_gb {args.feature_cache_gb}: must be at least 0")
    if args.device == "auto":
        import torch

        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.dtype == "auto":
        args.dtype = "float32" if args.device == "cpu" else "float16"


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


def answer_id(question: Question) -> str:
    """A fixed name for the answer to one question (the kit draws a random one)."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{question.question_id}\n{question.prompt}").hex


def model_id(path: Path) -> str:
    """The checkpoint folder's name, with its parent's before it for ``checkpoint-…`` (the kit's rule)."""
    path = path.resolve()
    return f"{path.parent.name}_{path.name}" if path.name.startswith("checkpoint-") else path.name


def write_answers(args: Namespace, lines: list[dict], test: dict) -> None:
    """Write the answer lines, and beside them ``protocol.json``: what another run must share to be compared.

    The protocol is the same for every chunk, and ``test`` adds what is the test's own.
    """
    settings = read_json(args.model_path / "config.json")
    image = "blank" if args.blank_image else settings.get("image_aspect_ratio", "square")
    protocol = test | {
        "question_file": args.question_file.name,
        "question_file_sha256": sha256(args.question_file),
        "image": image,
        "decoding": "greedy",
        "max_new_tokens": args.max_new_tokens,
        "dtype": args.dtype,
        "device": args.device.split(":")[0],
        "batch_size": args.batch_size,
    }
    write_json(args.answers_file.with_name("protocol.json"), protocol)
    write_jsonl(args.answers_file, lines)
