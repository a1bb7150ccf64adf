"""Operations of a training sample as the official code computes it, which ours is held against."""

from costs.flops import SampleFlop, image_flop, label_flop, layer_flop
from costs.shapes import on_meta
from costs.step import prepare
from mgm.activations import INPUTS
from mgm.model import MGMGemmaForCausalLM
from mgm.plain import PlainMGM


def official_flop(model: MGMGemmaForCausalLM, stage: str) -> SampleFlop:
    """The cost of a sample of ``stage``: every position everywhere, each layer twice."""
    plain = on_meta(model.config, model.dtype, PlainMGM)
    prepare(plain, stage, INPUTS)
    layers = plain.config.num_hidden_layers
    position, squared = layer_flop(plain)
    return SampleFlop(image_flop(plain), layers * position + label_flop(plain), layers * squared, 0)
