"""The most bytes that a training step holds at once, on the meta device."""

import weakref
from collections.abc import Callable
from functools import cache

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from costs.step import learn, pictures
from mgm.model import MGMGemmaForCausalLM


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
