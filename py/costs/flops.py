"""Floating point operations of whole stages, from a few counts on the meta device.

A sample's cost has parts, each counted by PyTorch at two or three sizes: its picture (constant), the decoder
(a·L + b·L² of its L positions, all layers being alike), of the last layer c·n + d·n·L of its n labels, and
their logits (e·n).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from costs.sample import Sample
from costs.step import decode_layer, flop, label_loss, pictures, prepare
from mgm.activations import ALL, INPUTS
from mgm.model import MGMGemmaForCausalLM

SIZE = 512  # positions at which layers are counted, and twice as many


@dataclass(frozen=True)
class SampleFlop:
    """What each part of a sample costs, forward and backward, in floating point operations."""

    image: float
    per_position: float
    per_position_squared: float
    per_label: float
    per_label_and_position: float = 0

    def of(self, sample: Sample) -> float:
        """The cost of one sample."""
        decoder = self.per_position * sample.length + self.per_position_squared * sample.length**2
        label = self.per_label + self.per_label_and_position * sample.length
        return sample.has_image * self.image + decoder + label * sample.labelled

    def total(self, samples: Iterable[Sample]) -> float:
        """The cost of many."""
        return sum(self.of(sample) for sample in samples)


def image_flop(model: MGMGemmaForCausalLM) -> int:
    """Towers, mining and projector of one picture."""
    return flop(lambda: model.encode_images(*pictures(model, 1)))


def layer_flop(model: MGMGemmaForCausalLM) -> tuple[float, float]:
    """(a, b) of a layer's a·L + b·L²."""
    once, twice = (flop(lambda n=n: decode_layer(model, 0, n)) for n in (SIZE, 2 * SIZE))
    squared = (twice - 2 * once) / (2 * SIZE**2)
    return once / SIZE - squared * SIZE, squared


def last_layer_flop(model: MGMGemmaForCausalLM) -> tuple[float, float, float]:
    """(a, c, d) of the last layer's a·L + c·n + d·n·L, n of its L positions being wanted."""
    sizes = (SIZE, 1), (2 * SIZE, 1), (SIZE, SIZE)
    one, longer, more = (flop(lambda n=n, q=q: decode_layer(model, -1, n, q)) for n, q in sizes)
    each = 2 * one - longer
    pair = (more - one - each * (SIZE - 1)) / (SIZE * (SIZE - 1))
    return (longer - one) / SIZE - pair, each, pair


def label_flop(model: MGMGemmaForCausalLM) -> int:
    """The cost of one labelled position's logits."""
    shape = (1, model.config.hidden_size)
    return flop(
        lambda: label_loss(model, torch.empty(shape, device="meta", dtype=model.dtype, requires_grad=True))
    )


def training_flop(model: MGMGemmaForCausalLM, stage: str, kept: str) -> SampleFlop:
    """The cost of a training sample of ``stage``, layers keeping ``kept``; ``model`` is on the meta device.

    What lies between products is not counted, so keeping these costs what keeping all does.
    """
    prepare(model, stage, INPUTS if kept == INPUTS else ALL)
    others = model.config.num_hidden_layers - 1
    (position, squared), (last, each, pair) = layer_flop(model), last_layer_flop(model)
    decoder = others * position + last, others * squared
    return SampleFlop(image_flop(model), *decoder, each + label_flop(model), pair)


@torch.no_grad()
def answering_flop(
    model: MGMGemmaForCausalLM, question: float, answer: float, questions_a_picture: float = 1
) -> float:
    """The cost of reading ``question`` positions, a picture among them, and writing ``answer`` tokens.

    The picture and what stands before it are read once for all its questions.
    """

    def forward(part):
        return lambda: (part(), None)[1]

    image = flop(forward(lambda: model.encode_images(*pictures(model, 1))))
    others = model.config.num_hidden_layers - 1
    layer = flop(forward(lambda: decode_layer(model, 0, SIZE))) / SIZE  # the squares are 2 % of it
    last = flop(forward(lambda: decode_layer(model, -1, SIZE, 1))) / SIZE
    width = model.config.hidden_size
    logits = flop(forward(lambda: model.lm_head(torch.empty(1, width, device="meta", dtype=model.dtype))))
    read, picture = others * layer + last, model.model.vision_tower.grid**2
    shared = (image + read * picture) / questions_a_picture
    return shared + read * (question - picture) + ((others + 1) * layer + logits) * (answer + 1)
