"""The adapter that pretraining leaves, ``mm_projector.bin``: four projectors, perhaps the towers too."""

from pathlib import Path

import torch

from mgm.weights import read_file

PROJECTORS = ("mm_projector", "vlm_uni_query_projector", "vlm_uni_aux_projector", "vlm_uni_val_projector")
PARTS = (*PROJECTORS, "vision_tower", "vision_tower_aux")
WRAPPERS = {"model", "module", "base_model"}  # what DDP and PEFT put before a name
State = dict[str, tuple[torch.Tensor, Path]]


def adapter_state(path: str | Path) -> tuple[State, list[str]]:
    """The parts that an ``mm_projector.bin`` holds, under their names in the model, and what else is in it.

    The official loader (``mgm_arch.py``, ``get_w``) looks for the part's name behind any prefix, and takes
    bare ``0.weight`` for ``mm_projector``'s.
    """
    state: State = {}
    faults = []
    for name, tensor in read_file(path).items():
        words = ("mm_projector." + name if name[:1].isdigit() else name).split(".")
        start = next((i for i, word in enumerate(words) if word in PARTS), len(words))
        official = ".".join(["model", *words[start:]])
        if start == len(words) or not set(words[:start]) <= WRAPPERS:
            faults.append(f"unexpected in {path}: {name}")
        elif official in state:
            faults.append(f"twice in {path}: {official}, once as {name}")
        else:
            state[official] = (tensor, Path(path))
    return state, faults


def replace_parts(state: State, adapter: State) -> None:
    """Put ``adapter`` into ``state``: all projectors come from it, and each tower of which it has a part."""
    towers = [part for part in PARTS if part not in PROJECTORS]
    held = [*PROJECTORS, *(p for p in towers if any(name.startswith(f"model.{p}.") for name in adapter))]
    for name in [name for name in state if name.startswith(tuple(f"model.{part}." for part in held))]:
        del state[name]
    state |= adapter
