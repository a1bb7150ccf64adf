"""What an answer script writes: names of answers, the lines, the protocol."""

import uuid
from argparse import Namespace
from pathlib import Path

from digest import sha256
from json_files import read_json, write_json, write_jsonl
from questions import Question


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
