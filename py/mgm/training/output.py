"""The output folder of a run: opened once all inputs are known to be good, closed with the summary."""

import fcntl
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from torch import nn

from errors import BadInput
from json_files import read_json, write_json
from mgm.saving import save_adapter, save_config, save_finetuned
from mgm.training.arguments import ModelArguments, TrainingArguments
from mgm.training.fingerprint import changes
from mgm.training.resume import last_checkpoint, remove_checkpoints
from mgm.training.trainer import MGMTrainer

HELD: list[IO] = []  # open files whose locks last as long as the process
FINAL = ("train_summary.json", "mm_projector.bin", "model.safetensors.index.json")


def open_output(
    args: TrainingArguments, identity: dict, settings: dict, first: bool, say: Callable
) -> Path | None:
    """Remove an earlier run's final files, save the settings, and find the checkpoint to go on from."""
    out, record, changed = Path(args.output_dir), {**identity, "settings": settings}, ""
    with args.main_process_first(local=False):
        if first:
            out.mkdir(parents=True, exist_ok=True)
            lock(out)
            for name in FINAL:
                (out / name).unlink(missing_ok=True)
            if (out / "train_args.json").is_file():
                changed = changes(read_json(out / "train_args.json"), record)
            write_json(out / "train_args.json", record)
        checkpoint, notes = last_checkpoint(out, identity["fingerprint"])
    for note in notes:
        say(note)
    if notes and changed:
        say(f"changed since the last start: {changed}")
    if checkpoint:
        say(f"resuming from {checkpoint}")
    return checkpoint


def lock(out: Path) -> None:
    """Hold ``out`` until this process ends, however it ends; raises `BadInput` when another training does."""
    file = (out / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadInput(
            f"{out}: another training is writing there; wait for it, stop it, or choose another folder"
        ) from error
    HELD.append(file)


def finish(trainer: MGMTrainer, model_args: ModelArguments, flop: int) -> None:
    """Check that every sample was seen, write the outputs, the summary last, and drop the checkpoints.

    ``flop``: the operations that were reckoned before the first step.
    """
    args, totals = trainer.args, trainer.totals()
    require_all_samples(trainer, totals["samples"])
    if not args.should_save:
        return
    out, model = Path(args.output_dir), trainer.accelerator.unwrap_model(trainer.model)
    require_finite(model, out)
    history = trainer.state.log_history
    history[:] = [entry for entry in history if "train_runtime" not in entry]  # equal runs write equal files
    trainer.save_state()
    model.config.use_cache = True
    if model_args.tune_mm_mlp_adapter:
        save_config(model.config, out)
        save_adapter(model, out / "mm_projector.bin")
    else:
        save_finetuned(model, model_args.model_name_or_path, out)
    summary = {
        "samples": totals["samples"],
        "steps": trainer.state.global_step,
        "loss": last_loss(history),
        "seconds": round(totals["seconds"], 1),
        "flop": flop,
    }
    write_json(out / "train_summary.json", summary)
    remove_checkpoints(out)
    print(f"train.py: {json.dumps(summary)}", file=sys.stderr, flush=True)


def require_all_samples(trainer: MGMTrainer, seen: int) -> None:
    """Raise `BadInput` unless whole epochs saw every sample as often as was asked for."""
    args, epochs = trainer.args, trainer.args.num_train_epochs
    if args.max_steps > 0 or epochs != int(epochs):
        return
    asked = round(len(trainer.train_dataset) * epochs)
    if seen != asked:
        raise BadInput(f"{seen} samples were trained on, {asked} were asked for; remove {args.output_dir}")


def require_finite(model: nn.Module, out: Path) -> None:
    """Raise `BadInput` for a trained parameter with NaN or an infinite value."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not parameter.isfinite().all():
            raise BadInput(f"{out}: {name} is not finite after training; lower the learning rate")


def last_loss(history: list[dict]) -> float:
    """Mean of the last tenth of the losses logged, one at least; 0 where there are none."""
    losses = [entry["loss"] for entry in history if "loss" in entry]
    tail = losses[-max(1, len(losses) // 10) :]
    return round(sum(tail) / max(len(tail), 1), 4)
