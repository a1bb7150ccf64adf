"""A training step on the meta device as one piece."""

from costs.step import learn, pictures
from mgm.model import MGMGemmaForCausalLM


def whole_step(model: MGMGemmaForCausalLM, samples: int, length: int, labelled: int) -> None:
    """Forward and backward of ``samples`` pictures and as many sequences, towers included."""
    learn(model, model.encode_images(*pictures(model, samples)), length, labelled)
