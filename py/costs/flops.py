"""Floating point operations of whole stages, from a few counts on the meta device.

A sample's cost has three parts, each counted by PyTorch at one or two sizes: its picture (constant), the
decoder (a·L + b·L² of its L positions) and the logits (c·n of its n labels).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from unittest import mock

import torch

from costs.step import decode, embeddings, flop, loss_of, pictures
from mgm import model as mgm_model
from mgm.mining import mine_plain
from mgm.model import MGMGemmaForCausalLM
from mgm.training.trainable import set_trainable


class Sample(NamedTuple):
    """One sample: ``length`` positions, picture included, ``labelled`` of them with a label."""

    length: float
    labelled: float
    has_image: bool = True


@dataclass(frozen=True)
class SampleFlop:
    """What each part of a sample costs, forward and backward, in floating point operations."""

    image: int
    per_position: float
    per_position_squared: float
    per_label: float

    def of(self, sample: Sample) -> float:
        """The cost of one sample."""
        decoder = self.per_position * sample.length + self.per_position_squared * sample.length**2
        return sample.has_image * self.image + decoder + self.per_label * sample.labelled

    def total(self, samples: Iterable[Sample]) -> float:
        """The cost of many."""
        return sum(self.of(sample) for sample in samples)


def parts(model: MGMGemmaForCausalLM, size: int) -> SampleFlop:
    """Count the parts of one sample with the model as it stands, the decoder at ``size`` and 2 × ``size``."""
    image = flop(lambda: model.encode_images(*pictures(model, 1)))
    once, twice = (flop(lambda n=n: decode(model, embeddings(model, 1, n))) for n in (size, 2 * size))
    squared = (twice - 2 * once) / (2 * size**2)
    return SampleFlop(image, once / size - squared * size, squared, label_flop(model))


def label_flop(model: MGMGemmaForCausalLM) -> int:
    """The cost of one labelled position's logits."""
    width = model.config.hidden_size
    return flop(
        lambda: loss_of(model, torch.empty(1, width, device="meta", dtype=model.dtype, requires_grad=True))
    )


def training_flop(model: MGMGemmaForCausalLM, pretrain: bool, checkpointing: bool) -> SampleFlop:
    """The cost of a training sample in either stage; ``model`` is on the meta device."""
    set_trainable(model, pretrain)
    switch = (
        model.activation_checkpointing_enable if checkpointing else model.activation_checkpointing_disable
    )
    switch()
    return parts(model, 512)


def official_flop(model: MGMGemmaForCausalLM, pretrain: bool) -> SampleFlop:
    """As the official code computes: every position mined and given logits, always with checkpointing."""
    with mock.patch.object(mgm_model, "mine", mine_plain):
        plain = training_flop(model, pretrain, checkpointing=True)
    everywhere = plain.per_position + plain.per_label
    return SampleFlop(plain.image, everywhere, plain.per_position_squared, 0)


@torch.no_grad()
def answering_flop(model: MGMGemmaForCausalLM, question: float, answer: float) -> float:
    """The cost of reading ``question`` positions, a picture among them, and writing ``answer`` tokens."""

    def forward(part):
        return lambda: (part(), None)[1]

    image = flop(forward(lambda: model.encode_images(*pictures(model, 1))))
    read = flop(forward(lambda: decode(model, embeddings(model, 1, 512)))) / 512  # the squares are 2 % of it
    width = model.config.hidden_size
    logits = flop(forward(lambda: model.lm_head(torch.empty(1, width, device="meta", dtype=model.dtype))))
    return image + read * (question + answer) + logits * (answer + 1)
