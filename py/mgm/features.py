"""Frozen features, computed once: what the two towers give for a picture, kept in files for all runs.

The towers are never trained, so every stage, experiment and random seed asks them the same. A picture's
features lie under the SHA-256 of its file, in a folder for all that decides them (`PackedTowers.identity`).
They are kept only where they are the same bytes in any batch, as `PackedTowers.trial` finds on the machine:
so training gives the same weights with a full, a half-full or an empty folder, and without one.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mgm.feature_files import FeatureFiles
from mgm.images import ImageProcessor
from mgm.packed_towers import PackedTowers
from pictures import PictureFile

if TYPE_CHECKING:  # takes seconds, and who only reads data does not need it
    from mgm.decoder import MGMGemmaModel

BLANK = "blank"  # the key of a sample without picture
LARGEST_TRIAL = 64
READ_RATE = 500e6  # bytes a second, of a plain solid-state disk
COMPUTE_RATE = 20e9  # operations a second of one CPU thread, in layers as small as the demo's


class FeatureCache:
    """The towers' features, from ``files`` where they are there. `open_features` opens one."""

    def __init__(self, towers: PackedTowers, files: FeatureFiles) -> None:
        self.towers, self.files = towers, files
        self.asked = self.computed = 0  # pictures

    def features_of(self, images: Sequence[PictureFile | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """As the model's ``tower_features``: (N, P, D) and (N, C, h, w) of N pictures; None is a blank one.

        What is not there is computed in one pass, and kept. Raises `BadInput` for what cannot be decoded.
        """
        keys = [BLANK if image is None else hashlib.sha256(image.content).hexdigest() for image in images]
        found = {key: self.files.read(key) for key in dict.fromkeys(keys)}
        missing = {key: image for key, image in zip(keys, images, strict=True) if found[key] is None}
        if missing:
            packed = self.towers.pack([self._pixels(image) for image in missing.values()])
            computed = dict(zip(missing, packed, strict=True))
            self.files.add(computed)
            found |= computed
        self.asked += sum(key != BLANK for key in keys)
        self.computed += sum(key != BLANK for key in missing)
        return self.towers.unpack(torch.stack([found[key] for key in keys]))

    def _pixels(self, image: PictureFile | None) -> tuple[torch.Tensor, torch.Tensor]:
        processor = self.towers.processor
        return processor.blank() if image is None else processor(image.picture())

    def summary(self) -> str:
        """One line: how many came from where."""
        kept, held = self.asked - self.computed, self.files.held() / 1e6
        where = f"{self.files.root} ({held:,.0f} MB)"
        return f"features: {kept:,} of {self.asked:,} images from {where}, {self.computed:,} computed"


def open_features(
    root: str | Path,
    limit_gb: float,
    model: "MGMGemmaModel",
    processor: ImageProcessor,
    pictures: int,
    batch: int,
    say: Callable[[str], None],
) -> FeatureCache | None:
    """The cache in ``root`` for a run over ``pictures`` different ones, ``batch`` at a time.

    ``limit_gb`` (≥ 0) is for all of ``root``. None, and a line that says why, where it would not be worth it
    or would change a bit.
    """
    assert limit_gb >= 0, limit_gb
    weight, towers, tried = next(model.vision_tower.parameters()), PackedTowers(model, processor), None
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        reason = "only on the CPU and in float32"
    else:
        reason = not_worth_it(4 * towers.length, towers.flop(), pictures, limit_gb * 1e9)
    if reason is None:
        tried = towers.trial(min(batch, LARGEST_TRIAL))
        reason = "a picture's features depend on its batch here; one thread would help (OMP_NUM_THREADS=1)"
    if tried is None:
        say(f"features: not kept in {root}: {reason}")
        return None
    return FeatureCache(
        towers, FeatureFiles(Path(root), towers.identity(tried), towers.length, limit_gb * 1e9, say)
    )


def not_worth_it(size: int, flop: float, pictures: int, limit: float) -> str | None:
    """Why features of ``size`` bytes and ``flop`` operations a picture are better computed anew; else None.

    At full size they are 55 MB: 550 GB for 10,000 pictures, and on a GPU longer to read than to compute.
    """
    if pictures * size > limit:
        return f"{pictures:,} pictures take {pictures * size / 1e9:,.2g} GB, the limit is {limit / 1e9:g} GB"
    read, compute = size / READ_RATE, flop / (COMPUTE_RATE * torch.get_num_threads())
    if read >= compute:
        return f"reading takes longer ({1e3 * read:.2g} ms a picture) than computing ({1e3 * compute:.2g} ms)"
    return None
