"""The images of some records, as operators ask models about them."""

import hashlib
import io
from typing import NamedTuple

from PIL import Image

from digest import sha256
from errors import BadInput
from pictures import open_plain, read_picture

CHECKED, DIGEST = "seed_image", "image_sha256"  # columns of check_seed.py: which file, and what was in it
REMEDY = "restore it or remove the record"


class Pictures(NamedTuple):
    """The images of some records, one each: paths, the records' ids, the SHA-256 of the files' bytes."""

    paths: list[str]
    ids: list[str]
    digests: list[str]

    @classmethod
    def of(cls, samples: dict, image_key: str = "images") -> "Pictures":
        """Those of a batch; the SHA-256 from check_seed.py, or for another file as it is now."""
        paths = [paths[0] for paths in samples[image_key]]
        nothing = [None] * len(paths)
        checked = zip(paths, samples.get(CHECKED, nothing), samples.get(DIGEST, nothing), strict=True)
        digests = [digest if path == seen else sha256(path) for path, seen, digest in checked]
        return cls(paths, list(samples["id"]), digests)

    def pick(self, rows: list[int]) -> "Pictures":
        """Those of ``rows``."""
        return Pictures(*([column[row] for row in rows] for column in self))

    def load(self, row: int) -> Image.Image:
        """Decode one to RGB; raises `BadInput` naming the record, also if its SHA-256 is another one."""
        path, identity, digest = self.paths[row], self.ids[row], self.digests[row]
        name = f"id {identity}: image {path}"
        try:
            with open_plain(path) as file:
                content = file.read()
        except FileNotFoundError as error:
            raise BadInput(f"{name} is missing; {REMEDY}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise BadInput(f"{name} has changed since it was checked; run the same command again")
        return read_picture(io.BytesIO(content), name, REMEDY)
