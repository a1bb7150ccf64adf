"""The one way a picture is decoded here: to its last byte, or an error that names it."""

import errno
import os
import stat
import warnings
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image, ImageFile

import faults
from errors import BadInput

# In the order that Pillow looks, the common first. It knows forty more, some of which start other programs
# (EPS: Ghostscript); pictures from the web need none of them.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM", "TIFF", "JPEG2000", "AVIF")


def open_plain(path: str | Path) -> IO[bytes]:
    """Open the file at ``path`` for reading; an `OSError` for a pipe or device, which may never end."""

    def opener(name: str, flags: int) -> int:
        handle = os.open(name, flags | os.O_NONBLOCK)
        if stat.S_ISREG(mode := os.fstat(handle).st_mode) or stat.S_ISDIR(mode):  # `open` refuses a folder
            return handle
        os.close(handle)
        raise OSError(errno.EINVAL, "a pipe or device, not a file", name)

    return open(path, "rb", opener=opener)


def as_rgb(picture: Image.Image) -> Image.Image:
    """``picture`` in RGB, as the official code converts it, but for 16 bits a channel, which it whitens.

    Of an animation the first frame; transparency is dropped; a rotation that EXIF asks for is not carried
    out, for the official training does not either, and captions must speak of what it will see.
    """
    if not picture.mode.startswith("I"):
        return picture.convert("RGB")
    import numpy as np

    return Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")


def read_picture(source: str | Path | IO[bytes], name: str, remedy: str, shrink: int = 1) -> Image.Image:
    """Decode ``source`` (a path or an open file) to RGB.

    Raises `BadInput`, ``NAME is missing; REMEDY``, also for an empty or damaged picture. ``shrink``: a JPEG
    may be decoded at 1/2, 1/4 or 1/8 of its size, which still reads it to its end and takes less time.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # importing Data-Juicer sets it, for the whole process
    try:
        size = source.seek(0, 2) if hasattr(source, "seek") else Path(source).stat().st_size
        if size == 0:
            raise BadInput(f"{name} is empty (0 bytes); {remedy}")
        with warnings.catch_warnings(action="ignore"), Image.open(source, formats=FORMATS) as picture:
            if shrink > 1:
                picture.draft("RGB", (max(picture.width // shrink, 1), max(picture.height // shrink, 1)))
            return as_rgb(picture)
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput(f"{name} is missing; {remedy}") from error
    except Exception as error:  # Pillow's decoders raise a dozen types for damaged files
        if faults.ran_out(error):
            raise
        raise BadInput(f"{name} cannot be read ({error}); {remedy}") from error


class PictureFile(NamedTuple):
    """An undecoded picture; ``name`` and ``remedy`` are for the error if it cannot be decoded."""

    content: bytes
    name: str
    remedy: str

    @classmethod
    def read(cls, path: str | Path, name: str, remedy: str) -> "PictureFile":
        """The file at ``path``; raises `BadInput` as `read_picture` if it cannot be read."""
        try:
            with open_plain(path) as file:
                return cls(file.read(), name, remedy)
        except OSError:
            read_picture(path, name, remedy)
            raise

    def picture(self) -> Image.Image:
        """Decode to RGB; raises `BadInput`."""
        return read_picture(BytesIO(self.content), self.name, self.remedy)
