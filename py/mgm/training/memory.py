"""Does a step fit into memory without activation checkpointing, which costs a third forward pass in time?"""

import psutil
import torch

from mgm.model import MGMGemmaForCausalLM

SHARE = 0.7  # of the free memory; the rest is for fragments, buckets and what is estimated too low


def activation_bytes(config, tokens: int, width: int) -> int:
    """Bytes that Gemma's layers keep for the backward pass, ``width`` bytes a number, norms in float32.

    Per token and layer: two residual inputs and norm outputs and the attention's input and output (8 D),
    queries, keys, values and mixed values (4 heads), gate, activated gate, up and product (4 F); norms keep 4
    D in float32.
    """
    heads = config.num_attention_heads * config.head_dim
    layer = (
        width * (8 * config.hidden_size + 4 * heads + 4 * config.intermediate_size) + 16 * config.hidden_size
    )
    return tokens * config.num_hidden_layers * layer


def needed_bytes(model: MGMGemmaForCausalLM, tokens: int, optimizer_here: bool, placed: bool) -> int:
    """Activations of ``tokens`` positions, gradients, optimizer, and the weights unless ``placed``."""
    width = next(model.parameters()).element_size()
    weights = sum(p.nbytes for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    states = trained * (
        width + (12 if optimizer_here else 0)
    )  # gradient; float32 copy and Adam's two moments
    return activation_bytes(model.config, tokens, width) + states + (0 if placed else weights)


def fits_without_checkpointing(model: MGMGemmaForCausalLM, args) -> bool:
    """Whether a step of longest sequences fits into the free memory, with a margin."""
    tokens = args.per_device_train_batch_size * args.model_max_length
    offloads = (
        "offload_optimizer" in str((args.deepspeed or {}).get("zero_optimization", ""))
        if args.deepspeed
        else False
    )
    if args.device.type == "cuda":
        free = torch.cuda.mem_get_info(args.device)[0]
    else:
        free = psutil.virtual_memory().available // max(args.world_size, 1)
    return needed_bytes(model, tokens, not offloads, args.device.type == "cpu") < SHARE * free
