"""What both answer scripts share: flags, batches of like length, names of answers, the protocol."""

import sys
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from digest import sha256
from questions import Question
from records import BadInput, read_json, write_json, write_jsonl

AnswerBatch = Callable[[list[str], list[Image.Image]], list[str]]
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # openai/clip-vit-large-patch14-336, preprocessor_config.json


def add_flags(parser: ArgumentParser, max_new_tokens: int) -> None:
    """The flags that both answer scripts take, under the kit's names where it has them."""
    parser.add_argument("--model_path", type=Path, required=True, help="the finetuned checkpoint's folder")
    for flag in ("--vision_tower", "--vision_tower_aux"):
        parser.add_argument(flag, type=Path, help="the tower's folder; default: as config.json says")
    parser.add_argument("--question_file", type=Path, required=True, help="all of the test's questions")
    parser.add_argument("--answers_file", type=Path, required=True, help="the .jsonl to write")
    parser.add_argument("--num_chunks", type=int, default=1, help="into how many runs the questions are cut")
    parser.add_argument("--chunk_idx", type=int, default=0, help="which of them to answer, from 0")
    parser.add_argument("--batch_size", type=int, default=16, help="questions at a time (official: 1)")
    parser.add_argument(
        "--max_new_tokens", type=int, default=max_new_tokens, help="longest answer (official: %(default)s)"
    )
    parser.add_argument(
        "--dtype",
        choices=("auto", "float32", "float16", "bfloat16"),
        default="auto",
        help="auto: float16 on a GPU, as the official evaluation, and float32 on the CPU",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, …; auto: a GPU if there is one")
    parser.add_argument(
        "--blank_image", action="store_true", help="show a uniform image instead: the text-only control"
    )


def resolve(args: Namespace) -> None:
    """Check the numbers; replace ``auto`` in ``args.device`` and ``args.dtype`` by what it stands for."""
    for name in ("batch_size", "max_new_tokens", "num_chunks"):
        if getattr(args, name) < 1:
            raise BadInput(f"--{name} {getattr(args, name)}: must be at least 1")
    if args.device == "auto":
        import torch

        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.dtype == "auto":
        args.dtype = "float32" if args.device == "cpu" else "float16"


def load_answerer(args: Namespace) -> AnswerBatch:
    """The checkpoint as a function from questions and their images to greedy answers."""
    import torch

    from mgm.checkpoint import load_mgm
    from mgm.generate import generate_answers

    towers = {"vision_tower": args.vision_tower, "vision_tower_aux": args.vision_tower_aux}
    loaded = load_mgm(args.model_path, dtype=getattr(torch, args.dtype), device=args.device, **towers)
    limits = {"max_new_tokens": args.max_new_tokens, "batch_size": args.batch_size}
    return lambda texts, images: generate_answers(loaded, texts, images, **limits)


def blank(image: Image.Image) -> Image.Image:
    """An image of the same size in CLIP's mean colour, which normalises to zero."""
    return Image.new("RGB", image.size, tuple(int(255 * channel) for channel in CLIP_MEAN))


def answer_all(
    texts: list[str], load_image: Callable[[int], Image.Image], answer_batch: AnswerBatch, batch_size: int
) -> list[str]:
    """Answers to ``texts`` in their order; batches hold texts of like length, so that little is padding.

    The longest come first: if memory does not suffice, it shows at once. ``load_image(i)`` gives question i's
    image. About every tenth, one line of progress goes to stderr (several stages may share the terminal).
    """
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    answers, told = [""] * len(texts), 0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        given = answer_batch([texts[i] for i in batch], [load_image(i) for i in batch])
        assert len(given) == len(batch), f"{len(given)} answers to {len(batch)} questions"
        for i, answer in zip(batch, given, strict=True):
            answers[i] = answer
        done = start + len(batch)
        if done * 10 // len(texts) > told:
            told = done * 10 // len(texts)
            # One write: print makes two, and another chunk's line could come between.
            sys.stderr.write(f"{Path(sys.argv[0]).name}: {done} of {len(texts)} questions\n")
    return answers


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
