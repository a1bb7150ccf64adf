"""One training step on the meta device, in parts, and what they compute."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from mgm.activations import keep
from mgm.loss import mean_loss
from mgm.model import MGMGemmaForCausalLM
from mgm.plain import PlainMGM
from mgm.training.trainable import set_trainable


def prepare(model: MGMGemmaForCausalLM, name: str, kept: str) -> None:
    """Set ``model`` to the stage ``name``, its layers keeping ``kept`` (see `mgm.activations`)."""
    set_trainable(model, name == "pretrain")
    keep(model, kept)


def pictures(model: MGMGemmaForCausalLM, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as the towers take them, (samples, 3, H, H) and (samples, 3, H', H')."""
    dtype, tower = model.dtype, model.model.vision_tower
    side = tower.vision_tower.vision_model.config.image_size
    sides = (side, model.config.image_size_aux)
    images, images_aux = (torch.empty(samples, 3, s, s, device="meta", dtype=dtype) for s in sides)
    return images, images_aux


def embeddings(model: MGMGemmaForCausalLM, samples: int, length: int) -> torch.Tensor:
    """Embeddings that want a gradient, (samples, length, D)."""
    width = model.config.hidden_size
    return torch.empty(samples, length, width, device="meta", dtype=model.dtype, requires_grad=True)


def decoder_inputs(embeds: torch.Tensor) -> dict[str, torch.Tensor]:
    """``embeds`` (B, L, D) with a mask, as batches with padding need one."""
    batch, length, _ = embeds.shape
    mask = torch.empty(batch, 1, length, length, dtype=torch.bool, device="meta")
    positions = torch.empty(batch, length, dtype=torch.long, device="meta")
    return {"inputs_embeds": embeds, "attention_mask": mask, "position_ids": positions}


def decode_layer(model: MGMGemmaForCausalLM, number: int, length: int, wanted: int = 0) -> torch.Tensor:
    """Layer ``number`` of one sequence of ``length``; the last one at ``wanted`` columns, if any."""
    given = decoder_inputs(embeddings(model, 1, length))
    hidden, positions = given.pop("inputs_embeds"), given.pop("position_ids")
    if wanted:
        given["wanted"] = columns(1, wanted)
    return model.model.layers[number](
        hidden, position_embeddings=model.model.rotary_emb(hidden, positions), **given
    )


def columns(samples: int, wanted: int) -> torch.Tensor:
    return torch.empty(samples, wanted, dtype=torch.long, device="meta")


def label_loss(model: MGMGemmaForCausalLM, hidden: torch.Tensor) -> torch.Tensor:
    """The loss of ``hidden`` (n, D), each with a label."""
    return mean_loss(hidden, model.lm_head.weight, torch.empty(len(hidden), dtype=torch.long, device="meta"))


def learn(model: MGMGemmaForCausalLM, features: torch.Tensor, length: int, labelled: int) -> None:
    """Forward and backward of one sequence a picture, given as ``features`` (samples, P, D); each has
    ``length`` positions and ``labelled`` labels.
    """
    samples = len(features)
    ids = torch.empty(samples, length - features.shape[1], dtype=torch.long, device="meta")
    given = decoder_inputs(torch.cat([features, model.model.embed_tokens(ids)], 1))
    if isinstance(model, PlainMGM):
        model.labelled_loss(columns(samples, length), None, **given).backward()
        return
    hidden = model.model(**given, wanted=columns(samples, labelled), use_cache=False).last_hidden_state
    label_loss(model, hidden.flatten(0, 1)).backward()


def flop(part: Callable[[], torch.Tensor | None]) -> int:
    """Floating point operations of ``part`` by PyTorch's own count; a product and a sum are two.

    When ``part`` returns a tensor, its backward counts too.
    """
    with FlopCounterMode(display=False) as counter:
        out = part()
        if out is not None:
            out.sum().backward()
    return counter.get_total_flops()
