"""What the five training scripts share: the optimiser, the schedule, the log line."""

import math
import sys
import time
from collections.abc import Callable, Iterable

import torch
from torch import nn


def optimise(
    parameters: Iterable[nn.Parameter],
    steps: int,
    learning_rate: float,
    loss_of: Callable[[int], torch.Tensor],
    report: Callable[[], str] | None = None,
    name: str = "",
    weight_decay: float = 0.01,
) -> float:
    """Run ``steps`` steps of AdamW: 5 % warm-up, then cosine to a twentieth; returns the seconds it took.

    The schedule counts steps, never the clock. ``report`` adds to the line printed ten times.
    """
    parameters, start, recent = list(parameters), time.perf_counter(), []
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.9, 0.98), weight_decay=weight_decay)
    warm = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda t: min(
            (t + 1) / warm, 0.05 + 0.475 * (1 + math.cos(math.pi * max(0, t - warm) / (steps - warm)))
        ),
    )
    for step in range(steps):
        loss = loss_of(step)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        recent.append(loss.item())
        if (step + 1) % max(1, steps // 10) == 0:
            mean, extra = sum(recent) / len(recent), report() if report else ""
            seconds = time.perf_counter() - start
            print(
                f"{name}: step {step + 1}/{steps} loss {mean:.3f} {seconds:.0f} s {extra}",
                file=sys.stderr,
                flush=True,
            )
            recent = []
    return time.perf_counter() - start
