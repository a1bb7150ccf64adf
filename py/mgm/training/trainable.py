"""Which parameters each stage trains: decided, and said, here alone."""

from torch import nn

from mgm.assemble import PROJECTORS

TOWERS = ("vision_tower", "vision_tower_aux")


def part_of(name: str) -> str:
    """The part that a parameter belongs to: a projector, a tower, or ``llm``.

    >>> part_of("model.vlm_uni_aux_projector.0.weight"), part_of("model.layers.0.mlp.up_proj.weight")
    ('vlm_uni_aux_projector', 'llm')
    """
    module = name.split(".")[1]
    return module if module in PROJECTORS + TOWERS else "llm"


def set_trainable(model: nn.Module, tune_mm_mlp_adapter: bool) -> str:
    """Pretraining (True) trains the four projectors, finetuning these and the LLM; towers are always frozen.

    Returns one line that says what is trained, in parameters a part.
    """
    parts = PROJECTORS if tune_mm_mlp_adapter else (*PROJECTORS, "llm")
    counts = {True: {}, False: {}}
    for name, parameter in model.named_parameters():
        part = part_of(name)
        parameter.requires_grad_(part in parts)
        side = counts[part in parts]
        side[part] = side.get(part, 0) + parameter.numel()
    trained, frozen = (
        ", ".join(f"{part} {n:,}" for part, n in counts[side].items()) for side in (True, False)
    )
    return f"trained: {trained}; frozen: {frozen}"
