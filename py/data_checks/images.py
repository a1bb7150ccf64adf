"""What is wrong with the image of a record, and what is unusual about it."""

import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

from data_checks.findings import Finding
from pictures import FORMATS

SMALL, LARGE = 32, 50_000_000  # pixels: of a side, of all
ORIENTATION = 0x0112


def unusual(path: str | Path) -> list[str]:
    """What is unusual about an image that decodes, from its header."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
            (width, height), mode, turned = picture.size, picture.mode, picture.getexif().get(ORIENTATION, 1)
            frames = getattr(picture, "n_frames", 1)
    except Exception as error:  # Pillow's readers of EXIF and of further frames raise a dozen types
        return [f"image with damage behind its first frame or in its EXIF ({error}); save it anew"]
    told = []
    if min(width, height) < SMALL:
        told.append(f"image of {width}×{height} pixels; a side under {SMALL} shows the model little")
    if width * height > LARGE:
        told.append(f"image of {width}×{height} pixels; scale it down, decoding it takes long")
    if mode != "RGB":
        told.append(f"image in mode {mode}; it is read as RGB")
    if turned != 1:
        told.append(f"image with an EXIF rotation ({turned}); it is not carried out, turn the image itself")
    if frames > 1:
        told.append(f"image with {frames} frames; only the first is read")
    return told


def outside(image: str) -> str | None:
    """A warning about a path that leads out of the folder of its file."""
    depth = 0
    for part in PurePosixPath(image).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return f"image {image} lies outside of the file's folder; a copy of the folder lacks it"
    return None


class Twins:
    """Finds images that are the same byte by byte; of each digest 8 bytes are held."""

    def __init__(self, path: Path) -> None:
        self.path, self.seen = str(path), {}

    def look(self, place: int, line: int, identity: str | None, digest: str) -> Iterator[Finding]:
        """A warning, if the record at an earlier place has this image."""
        first, other = self.seen.setdefault(int(digest[:16], 16), (place, identity))
        if first != place:
            message = f"the same image as '{other or first}' has; keep one, unless both texts are wanted"
            yield Finding(self.path, line, identity, message, warning=True)
