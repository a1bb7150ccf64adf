"""Is each image there, and does it decode to its last byte? The answer is kept in the store, by its bytes."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import PIL

from errors import BadInput
from pictures import open_plain, read_picture
from store import Model, key_of, opened

DECODER = Model("pillow", PIL.__version__, '{"ask": "decodes"}')

REMEDY = "restore it or remove the record"


class Image(NamedTuple):
    """What is known of an image once it was read: the SHA-256 of its bytes, or what is wrong with it."""

    sha256: str
    fault: str | None


def digest_of(path: str) -> Image:
    """Read the image at ``path``."""
    try:
        with open_plain(path) as file:
            return Image(hashlib.file_digest(file, "sha256").hexdigest(), None)
    except FileNotFoundError:
        return Image("", f"image {path} is missing; {REMEDY}")
    except OSError as error:
        return Image("", f"image {path} cannot be read ({error.strerror}); {REMEDY}")
    except ValueError as error:  # a zero byte in the path, or half a character
        return Image("", f"image {path!r} cannot be read ({error}); correct the path")


def look_at(paths: list[str], store: Path | None) -> list[Image]:
    """Read each image and decode it to its last byte, unless the store knows that its bytes decode."""
    images = [digest_of(path) for path in paths]
    keys = [key_of(image.sha256) for image in images]
    known = opened(store).answers(DECODER, keys) if store else {}
    sound = {}
    for row, (path, key) in enumerate(zip(paths, keys, strict=True)):
        if images[row].fault is None and key not in known:
            try:
                read_picture(path, f"image {path}", REMEDY, shrink=8)
                sound[key] = True
            except BadInput as error:
                images[row] = Image("", str(error))
    if store:
        opened(store).add(DECODER, sound, asked=len(paths))
    return images
