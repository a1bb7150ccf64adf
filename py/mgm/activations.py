"""What the decoder's layers keep between forward and backward: a choice between memory and computing twice.

``all``: whatever autograd saves. ``products``: what matrix products and attention give; what lies between
(norms, rotary positions, gates) is computed again, element by element, which costs next to nothing and halves
the memory. ``inputs``: a layer's input, the official gradient checkpointing, which computes layers twice.
"""

from functools import partial

import torch
from torch.utils.checkpoint import create_selective_checkpoint_contexts

from mgm.model import MGMGemmaForCausalLM

ALL, PRODUCTS, INPUTS = KEPT = ("all", "products", "inputs")
_aten = torch.ops.aten
_PRODUCTS = [
    _aten.mm.default,
    _aten.addmm.default,
    _aten._scaled_dot_product_cudnn_attention.default,
    _aten._scaled_dot_product_efficient_attention.default,
    _aten._scaled_dot_product_flash_attention.default,
    _aten._scaled_dot_product_flash_attention_for_cpu.default,
]


def keep(model: MGMGemmaForCausalLM, kept: str) -> None:
    """Let the layers of ``model`` keep ``kept``, one of `KEPT`."""
    assert kept in KEPT, kept
    if kept == ALL:
        model.activation_checkpointing_disable()
        return
    options = {"use_reentrant": False, "preserve_rng_state": False}  # nothing in a layer is random
    if kept == PRODUCTS:
        options["context_fn"] = partial(create_selective_checkpoint_contexts, _PRODUCTS)
    model.activation_checkpointing_enable(options)
