"""What a run says and when it must stop: official log lines, progress, broken training."""

import math
import sys
import time

from transformers import TrainerCallback

from errors import BadInput

PATIENCE = 10  # steps


class BrokenRun:
    """Stops a run whose loss is zero or not finite, or whose gradients stay zero."""

    def __init__(self) -> None:
        self.zero_since: dict[str, int] = {}  # first step of the zeros that go on

    def see(self, step: int, loss: float, grad_norm: float | None) -> None:
        """Raise `BadInput` at once for a value that is not finite, 10 steps later for one that stays zero."""
        values = {"loss": loss} if grad_norm is None else {"loss": loss, "gradient norm": grad_norm}
        for name, value in values.items():
            if not math.isfinite(value):
                raise BadInput(
                    f"step {step}: the {name} is {value}; training stops. Lower the learning rate, or check "
                    "the weights, and the installed versions against the lock file"
                )
        self.zero_since = {
            name: self.zero_since.get(name, step) for name, value in values.items() if value == 0
        }
        for name, first in self.zero_since.items():
            if step - first >= PATIENCE:
                raise BadInput(
                    f"step {step}: the {name} is 0 since step {first}; training stops. Check that labels "
                    "are not all masked, and the installed versions against the lock file"
                )


class Reporter(TrainerCallback):
    """Official ``{'loss': …}`` lines on standard output; progress on standard error, ten lines a run."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.tenth = 0

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Start the clock; a resumed run starts at its step."""
        self.start, self.first = time.monotonic(), state.global_step
        self.tenth = 10 * state.global_step // max(state.max_steps, 1)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        """Print one log line as the official run does, and progress when another tenth is done."""
        if not state.is_world_process_zero or not logs:
            return
        digits = {"loss": 4, "grad_norm": 4, "epoch": 4, "train_loss": 4}
        print(
            {key: round(value, digits[key]) if key in digits else value for key, value in logs.items()},
            flush=True,
        )
        tenth = 10 * state.global_step // max(state.max_steps, 1)
        if tenth > self.tenth and "loss" in logs:
            self.tenth = tenth
            done = state.global_step - self.first
            left = (time.monotonic() - self.start) / done * (state.max_steps - state.global_step)
            where = f"{self.stage}: step {state.global_step}/{state.max_steps}"
            print(
                f"train.py: {where}, loss {logs['loss']:.3f}, {left:.0f} s left", file=sys.stderr, flush=True
            )
