"""From weight files to a filled model, strictly: every parameter is named in exactly one place, or none is
loaded.

At the peak memory holds the filled model once: the empty one has no storage, files are mapped, and a tensor
of another dtype than asked for is converted by itself.
"""

from pathlib import Path

import torch
from accelerate import init_empty_weights

from errors import BadInput
from mgm.adapter import PROJECTORS, State
from mgm.config import MGMConfig
from mgm.model import MGMGemmaForCausalLM
from mgm.weights import DTYPES, IGNORED, NAMES, OPEN_CLIP_NAMES, is_finite, read_folder

CLIP_PREFIX, AUX_PREFIX = "model.vision_tower.vision_tower.", "model.vision_tower_aux."
CLIP_PARTS = ("embeddings.", "pre_layrnorm.", "encoder.", "post_layernorm.")
AUX_PARTS = ("visual.trunk.stem.", "visual.trunk.stages.")


def llm_state(folder: str | Path) -> State:
    """All weights of an LLM or finetuned folder by name, with the file each came from."""
    return {name: (tensor, file) for file, name, tensor in read_folder(folder, NAMES)}


def tower_states(config: MGMConfig, held: State) -> State:
    """The towers' weights from their folders, for each tower of which ``held`` has none."""
    state: State = {}
    if not any(name.startswith(CLIP_PREFIX) for name in held):
        for file, name, tensor in read_folder(config.mm_vision_tower, NAMES):
            name = name.removeprefix("vision_model.")  # transformers 5 saves a CLIPVisionModel without it
            if name.startswith(CLIP_PARTS):
                state[f"{CLIP_PREFIX}vision_model.{name}"] = (tensor, file)
        if not state:
            raise BadInput(f"{config.mm_vision_tower}: no CLIP vision weights in it; correct --vision_tower")
    if not any(name.startswith(AUX_PREFIX) for name in held):
        folder = config.mm_vision_tower_aux
        found = {n: (t, f) for f, n, t in read_folder(folder, OPEN_CLIP_NAMES) if n.startswith(AUX_PARTS)}
        if not found:
            raise BadInput(f"{folder}: no visual.trunk weights in it; correct --vision_tower_aux")
        state |= {AUX_PREFIX + n.replace("visual.trunk.", "vision_"): value for n, value in found.items()}
    return state


def assemble(
    config: MGMConfig, state: State, fresh: int | None, dtype: torch.dtype, faults: list[str] | None = None
) -> MGMGemmaForCausalLM:
    """Build the model and fill it strictly from ``state``, which is used up.

    ``fresh`` is the seed of new projectors, None to load them; ``faults`` is what was wrong before.
    """
    with init_empty_weights(include_buffers=False):  # buffers are computed, and not in files
        model = MGMGemmaForCausalLM(config)
    state |= tower_states(config, state)
    if fresh is not None:
        state |= fresh_projectors(model, fresh)
    check(model, state, faults or [])
    fill(model, state, dtype)
    config.dtype = dtype
    return model  # buffers stay as built: rotary frequencies in half precision are off by radians


def fresh_projectors(model: MGMGemmaForCausalLM, seed: int) -> State:
    """PyTorch's own initial values for the four projectors, as in the official run."""
    torch.manual_seed(seed)
    for part in PROJECTORS:
        for module in getattr(model.model, part).to_empty(device="cpu").modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    origin = Path("(fresh projectors)")
    return {
        f"model.{part}.{name}": (tensor.detach().clone(), origin)
        for part in PROJECTORS
        for name, tensor in getattr(model.model, part).state_dict().items()
    }


def check(model: MGMGemmaForCausalLM, state: State, faults: list[str]) -> None:
    """Raise `BadInput` naming each parameter that is missing, unexpected, misshapen or quantised."""
    config = model.config
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        shapes.pop("lm_head.weight")
    faults = [f"missing: {name}" for name in shapes if name not in state] + faults
    for name, (tensor, file) in state.items():
        if name not in shapes:
            if not name.endswith(IGNORED):
                faults.append(f"unexpected in {file}: {name}")
        elif tensor.dtype not in DTYPES:
            faults.append(f"quantised in {file}: {name} is {tensor.dtype}, needed a float of 16 bits or more")
        elif tensor.shape != shapes[name]:
            faults.append(f"misshapen in {file}: {name} is {tuple(tensor.shape)}, needed {shapes[name]}")
    embedding, head = (state.get(f"{part}.weight") for part in ("model.embed_tokens", "lm_head"))
    if config.tie_word_embeddings and embedding and head and not torch.equal(embedding[0], head[0]):
        faults.append(f"differs from model.embed_tokens.weight in {head[1]}: lm_head.weight, said to be tied")
    if faults:
        raise_misfit(config, state, faults)


def fill(model: MGMGemmaForCausalLM, state: State, dtype: torch.dtype) -> None:
    """Move every parameter from ``state`` into ``model`` as ``dtype``; raises `BadInput` for NaN."""
    values, faults = {}, []
    tied = model.config.tie_word_embeddings
    for name in model.state_dict():
        if name == "lm_head.weight" and tied:
            continue
        tensor, file = state.pop(name)
        values[name] = tensor.to(dtype)
        if not is_finite(values[name]):
            why = f" as {dtype}; load it as bfloat16 or float32" if is_finite(tensor) else ""
            faults.append(f"not finite in {file}: {name}{why}")
    if faults:
        raise_misfit(model.config, state, faults)
    if tied:
        values["lm_head.weight"] = values["model.embed_tokens.weight"]
    model.load_state_dict(values, assign=True)
    model.tie_weights()


def raise_misfit(config: MGMConfig, state: State, faults: list[str]) -> None:
    """One message: every fault, one a line, then where sizes and weights came from, and the remedy."""
    files = sorted({str(file) for _, file in state.values()})
    lines = "\n  ".join(faults)
    raise BadInput(
        f"the weights do not fit the model:\n  {lines}\n"
        f"{len(faults)} parameters in all. Sizes are those of config.json, {config.mm_vision_tower} "
        f"(--vision_tower) and {config.mm_vision_tower_aux} (--vision_tower_aux); read from "
        f"{', '.join(files)}; fetch or make the named file again, or correct the flag that names it"
    )
