"""What the training scripts share: the optimiser, the schedule, the log line, a measure of order."""

import math
import sys
import time
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


def optimise(
    parameters: Iterable[nn.Parameter],
    settings: dict,
    loss_of: Callable[[int], torch.Tensor],
    report: Callable[[], str],
    name: str,
    weight_decay: float = 0.01,
) -> int:
    """Run ``settings["steps"]`` steps of AdamW at ``settings["learning_rate"]``; returns whole seconds.

    The loss of a step comes from its number. ``report`` adds to the line printed ten times.
    """
    parameters, start, recent = list(parameters), time.perf_counter(), []
    steps, rate = settings["steps"], settings["learning_rate"]
    optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=weight_decay)
    schedule = warm_up_then_cosine(optimiser, steps)
    for step in range(steps):
        loss = loss_of(step)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        recent.append(loss.item())
        if (step + 1) % max(1, steps // 10) == 0:
            where = f"step {step + 1}/{steps} loss {sum(recent) / len(recent):.3f}"
            extra, seconds = report(), time.perf_counter() - start
            print(f"{name}: {where} {seconds:.0f} s {extra}", file=sys.stderr, flush=True)
            recent = []
    return round(time.perf_counter() - start)


def warm_up_then_cosine(optimiser: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """5 % warm-up, then cosine to a twentieth of the learning rate; counts steps, never the clock."""
    warm = max(1, steps // 20)

    def share(step: int) -> float:
        cosine = math.cos(math.pi * max(0, step - warm) / (steps - warm))
        return min((step + 1) / warm, 0.05 + 0.475 * (1 + cosine))

    return LambdaLR(optimiser, share)


def auc(high: torch.Tensor, low: torch.Tensor) -> float:
    """Share of the pairs of a score of ``high`` (N,) and one of ``low`` (M,) whose first is the larger."""
    return (high[:, None] > low[None]).float().mean().item()
