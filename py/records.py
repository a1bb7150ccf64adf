"""A record of a seed or synth file: one id, one image, one caption, and what is wrong with another."""

from pathlib import Path
from typing import Any, NamedTuple

from errors import brief
from json_files import HALF

IMAGE_TOKEN = "<__dj__image>"
EOC_TOKEN = "<|__dj__eoc|>"
LLAVA_IMAGE_TOKEN = "<image>"


class Fault(NamedTuple):
    """A record that cannot be used: where it stands, and what is wrong with it and the remedy."""

    path: str | Path
    line: int
    id: Any
    what: str
    place: int

    @property
    def message(self) -> str:
        """All of it on one line; without an id the entry counts, for a line of a list may hold many."""
        entry = f"entry {self.place}: " if self.place != self.line else ""
        return brief(f"{self.path}:{self.line}: {f'id {self.id}: ' if self.id else entry}{self.what}")


class Record(NamedTuple):
    """One checked record of a seed or synth file; ``image`` is the path as written, relative to the file.

    Of a LLaVA file also the question and the ``row``, counted from 1: a line of it may hold many.
    """

    line: int
    id: str
    text: str
    image: str
    human: str | None = None
    row: int | None = None

    @property
    def place(self) -> int:
        """The number that the records of one file are ordered by."""
        return self.row or self.line


def caption_of(text: str) -> str:
    """The caption in a record's text, without the image placeholder (either spelling) and the end token.

    >>> caption_of("<__dj__image>\\na red cube <|__dj__eoc|>")
    'a red cube'
    """
    for token in (IMAGE_TOKEN, LLAVA_IMAGE_TOKEN, EOC_TOKEN):
        text = text.replace(token, " ")
    return text.strip()


def text_of(caption: str) -> str:
    """A record's text around ``caption``, as the seed files have it; the inverse of `caption_of`."""
    return f"{IMAGE_TOKEN}\n{caption} {EOC_TOKEN}"


def caption_fault(record: dict, strict: bool = False) -> str | None:
    """What keeps ``record`` from being one id, one image and one caption, and the remedy; None if nothing.

    ``strict``: as a seed is written: the end token at the end, no absolute path.
    """
    text, images = record.get("text"), record.get("images")
    if not isinstance(record.get("id"), str) or not record["id"]:
        return "no id, or one that is not a string; give the record its id from the seed"
    if not isinstance(text, str) or not isinstance(images, list) or any(type(i) is not str for i in images):
        return "needs 'text' (a string) and 'images' (a list of paths); correct or remove the record"
    if not images or not images[0]:
        return "no image; name one image or remove the record"
    placeholders = text.count(IMAGE_TOKEN) + text.count(LLAVA_IMAGE_TOKEN)
    if len(images) > 1 or placeholders != 1:
        return f"{len(images)} images and {placeholders} placeholders, not one each; split or remove it"
    if any(HALF.search(value) for value in (text, record["id"], images[0])):
        return "half a character (a lone surrogate) in the text; correct or remove the record"
    if not any(letter.isprintable() and letter != " " for letter in caption_of(text)):
        return "empty caption; write one or remove the record"
    return _strict_fault(text, images[0]) if strict else None


def _strict_fault(text: str, image: str) -> str | None:
    if text.count(EOC_TOKEN) != 1 or not text.rstrip().endswith(EOC_TOKEN):
        return f"the text must end in {EOC_TOKEN}, once; correct it"
    if "\0" in image:
        return f"image {image!r} holds a zero byte; correct the path"
    if image.startswith("/"):
        return f"image {image!r} is an absolute path; write it relative to the file"
    return None
