"""From weight files to a filled model, strictly: every parameter is named in exactly one place, or none is
loaded.
"""

from pathlib import Path

import torch
from transformers import initialization

from mgm.config import MGMConfig
from mgm.model import MGMGemmaForCausalLM
from mgm.weights import read_folder
from records import BadInput

PROJECTORS = ("mm_projector", "vlm_uni_query_projector", "vlm_uni_aux_projector", "vlm_uni_val_projector")
CLIP_PREFIX, AUX_PREFIX = "model.vision_tower.vision_tower.", "model.vision_tower_aux."
IGNORED = ("lm_head.weight", "position_ids", "inv_freq")  # tied, or computed
SHOWN = 20
State = dict[str, tuple[torch.Tensor, Path]]


def llm_state(folder: str | Path) -> State:
    """All weights of an LLM or finetuned folder by name, with the file each came from."""
    return {name: (tensor, file) for file, name, tensor in read_folder(folder)}


def tower_states(config: MGMConfig, held: State) -> State:
    """The towers' weights from their folders, for each tower of which ``held`` has none."""
    state: State = {}
    if not any(name.startswith(CLIP_PREFIX) for name in held):
        for file, name, tensor in read_folder(config.mm_vision_tower):
            if name.startswith("vision_model."):
                state[CLIP_PREFIX + name] = (tensor, file)
    if not any(name.startswith(AUX_PREFIX) for name in held):
        for file, name, tensor in read_folder(config.mm_vision_tower_aux):
            for part in ("stem", "stages"):
                if name.startswith(f"visual.trunk.{part}."):
                    state[AUX_PREFIX + name.replace("visual.trunk.", "vision_")] = (tensor, file)
    return state


def assemble(config: MGMConfig, state: State, fresh: int | None, dtype: torch.dtype) -> MGMGemmaForCausalLM:
    """Build the model and fill it strictly; ``fresh`` is the seed of new projectors, None to load them."""
    state = state | tower_states(config, state)
    with initialization.no_init_weights():
        model = MGMGemmaForCausalLM(config)
    model.tie_weights()
    if fresh is not None:
        state |= fresh_projectors(model, fresh)
    fill(model, state, dtype)
    return model  # buffers stay as built: rotary frequencies in half precision are off by radians


def fresh_projectors(model: MGMGemmaForCausalLM, seed: int) -> State:
    """PyTorch's own initial values for the four projectors, as in the official run."""
    torch.manual_seed(seed)
    for part in PROJECTORS:
        for module in getattr(model.model, part).modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    origin = Path("(fresh projectors)")
    return {
        f"model.{part}.{name}": (tensor.detach().clone(), origin)
        for part in PROJECTORS
        for name, tensor in getattr(model.model, part).state_dict().items()
    }


def fill(model: MGMGemmaForCausalLM, state: State, dtype: torch.dtype) -> None:
    """Assign every parameter from ``state``; raises `BadInput` for each one that does not fit."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        shapes.pop("lm_head.weight")
    known = shapes.keys() | {name for name in state if name.endswith(IGNORED)}
    faults = [f"missing: {name}" for name in shapes if name not in state]
    faults += [f"unexpected in {state[name][1]}: {name}" for name in state if name not in known]
    faults += [
        f"misshapen in {state[name][1]}: {name} is {tuple(state[name][0].shape)}, needed {tuple(shape)}"
        for name, shape in shapes.items()
        if name in state and state[name][0].shape != shape
    ]
    if faults:
        files = ", ".join(sorted({str(file) for _, file in state.values()}))
        more = f"\n  … and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise BadInput(
            f"the weights do not fit the model:\n  {f'{chr(10)}  '.join(faults[:SHOWN])}{more}\n"
            f"read from {files}; fetch or make the named file again, or correct the flag that names it"
        )
    values = {name: state[name][0].to(dtype) for name in shapes}
    if model.config.tie_word_embeddings:
        values["lm_head.weight"] = values["model.embed_tokens.weight"]
    model.load_state_dict(values, assign=True)
    model.tie_weights()
