"""One training step on the meta device, in parts: what it computes and what it keeps."""

import weakref
from collections.abc import Callable
from functools import cache

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
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


class Live(TorchDispatchMode):
    """Bytes of the storages that are alive, and their peak; those in ``held`` count nothing."""

    def __init__(self, held: list[torch.Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in held}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_iter(out):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return out

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self.sizes:
            self.sizes[key] = storage.nbytes()
            self.now += self.sizes[key]
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


def peak_bytes(model: MGMGemmaForCausalLM, samples: int, length: int, labelled: int) -> int:
    """`peak_of` a whole training step of ``samples`` pictures and their sequences, see `learn`.

    The towers, half of the work, are run once for all steps of as many samples.
    """
    outputs, towers = run_of_towers(model, samples)

    def rest() -> None:
        batch = pictures(model, samples)  # alive until they have been looked at
        features = (torch.empty(shape, device="meta", dtype=model.dtype) for shape in outputs)
        projected = model.project(*features)
        del batch
        learn(model, projected, length, labelled)

    return max(towers, peak_of(model, rest))


@cache
def run_of_towers(model: MGMGemmaForCausalLM, samples: int) -> tuple[list[torch.Size], int]:
    """Shapes that the frozen towers give for ``samples`` pictures, and the most bytes that they hold."""
    outputs = []
    peak = peak_of(model, lambda: outputs.extend(model.tower_features(*pictures(model, samples))))
    return [output.shape for output in outputs], peak


def peak_of(model: MGMGemmaForCausalLM, step: Callable[[], None]) -> int:
    """Most bytes that ``step`` holds at once beside weights and the gradients that are done.

    ZeRO-2 takes each gradient away as soon as it is complete, hence the hook.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    hooks = [p.register_post_accumulate_grad_hook(_forget) for p in parameters]
    live = Live(list(model.parameters()) + list(model.buffers()))
    try:
        with live:
            step()
    finally:
        for hook in hooks:
            hook.remove()
    return live.peak


def _forget(parameter: torch.Tensor) -> None:
    parameter.grad = None
