"""Both frozen towers as one function from pictures to vectors, to be kept and read back.

A vector holds the towers' raw outputs: raised to one grid they would take four times the room.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import PIL
import torch
from PIL import Image

from mgm.images import ImageProcessor

if TYPE_CHECKING:  # takes seconds, and who only reads data does not need it
    from mgm.decoder import MGMGemmaModel

TRIED_SHAPES = ((96, 96), (64, 80), (75, 50), (33, 31))  # width, height; two pictures each
TRIED_BATCHES = (2, 8)

Pixels = tuple[torch.Tensor, torch.Tensor]  # (3, H, H) and (3, H', H'), as `ImageProcessor` gives them


class PackedTowers:
    """`pack` computes a vector a picture, `unpack` makes of vectors what the towers' ``forward`` gives."""

    def __init__(self, model: "MGMGemmaModel", processor: ImageProcessor) -> None:
        self.tower, self.tower_aux, self.processor = model.vision_tower, model.vision_tower_aux, processor
        self.shapes = [(self.tower.grid**2, self.tower.hidden_size)]  # (P, D), then (h, w, C) of each stage
        self.shapes += [(h, w, c) for c, h, w in self.tower_aux.stage_shapes(processor.size_aux)]
        self.lengths = [math.prod(shape) for shape in self.shapes]
        self.length = sum(self.lengths)

    @torch.no_grad()
    def pack(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        """N pictures to (N, length); the stages channels last, as they lie in memory."""
        images, images_aux = (torch.stack(tensors) for tensors in zip(*pixels, strict=True))
        stages = [stage.permute(0, 2, 3, 1) for stage in self.tower_aux.stages(images_aux)]
        return torch.cat([part.flatten(1) for part in (self.tower(images), *stages)], 1)

    def unpack(self, packed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, length) to features (N, P, D) and (N, C, h, w)."""
        parts = zip(packed.split(self.lengths, 1), self.shapes, strict=True)
        features, *stages = [part.reshape(-1, *shape) for part, shape in parts]
        return features, self.tower_aux.raise_to_grid([stage.permute(0, 3, 1, 2) for stage in stages])

    def flop(self) -> float:
        """Operations of a picture, nearly: two for each weight at each position."""
        layers = self.tower.vision_tower.vision_model.encoder.layers[: self.tower.depth]
        positions = [self.shapes[0][0] + 1, *(h * w for h, w, _ in self.shapes[1:])]
        parts = zip(positions, [layers, *self.tower_aux.vision_stages], strict=True)
        return sum(2.0 * n * sum(p.numel() for p in part.parameters()) for n, part in parts)

    def trial(self, batch: int) -> bytes | None:
        """The vectors of eight fixed pictures; None unless each is the same bytes alone and in batches (2, 8,
        ``batch``), and gives what ``forward`` gives.
        """
        noise, count = hashlib.shake_128(b"features"), 2 * len(TRIED_SHAPES)
        pixels = [
            self.processor(Image.frombytes("RGB", shape, noise.digest(3 * math.prod(shape) + i)[i:]))
            for i, shape in enumerate(TRIED_SHAPES * 2)
        ]
        alone = torch.cat([self.pack([one]) for one in pixels])
        for size in {*TRIED_BATCHES, batch}:
            order = [i % count for i in range(max(size, count))]
            for chosen in (order[start : start + size] for start in range(0, len(order), size)):
                if not same(self.pack([pixels[i] for i in chosen]), alone[chosen]):
                    return None
        images, images_aux = (torch.stack(tensors) for tensors in zip(*pixels, strict=True))
        forward = self.tower(images), self.tower_aux(images_aux)
        if not all(same(a, b) for a, b in zip(forward, self.unpack(alone), strict=True)):
            return None
        return alone.numpy().tobytes()

    def identity(self, tried: bytes) -> str:
        """A name for all that decides a picture's vector: weights, settings, and what the `trial` gave, which
        another CPU, library or version of this code would answer otherwise.
        """
        settings = [torch.__version__, PIL.__version__, torch.backends.cpu.get_cpu_capability()]
        settings += [torch.get_num_threads(), self.tower.depth, asdict(self.processor), self.shapes]
        digest = hashlib.sha256(json.dumps(settings).encode() + tried)
        for tower in (self.tower, self.tower_aux):
            for name, tensor in tower.state_dict().items():
                digest.update(name.encode() + tensor.numpy().tobytes())
        return digest.hexdigest()[:16]


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are the same bytes, in value."""
    return a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
