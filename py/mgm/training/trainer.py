"""transformers' Trainer with this project's data order, checkpoints and watch.

A checkpoint holds what is trained (with DeepSpeed in its engine's files, else in ``trainable.safetensors``),
optimizer, schedule, random states, and last its completion mark. Frozen weights come from where they came
from.
"""

import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import PrinterCallback, Trainer

from errors import BadInput
from json_files import read_json
from mgm.config import IGNORE_INDEX
from mgm.training.order import GlobalOrder
from mgm.training.resume import COMPLETE, complete, plain_of_deepspeed, reading, remove_checkpoints, writing
from mgm.training.watch import BrokenRun, Reporter

TRAINABLE = "trainable.safetensors"


class MGMTrainer(Trainer):
    """``order`` gives the samples, ``fingerprint`` says whose checkpoints these are, ``stage`` names progress
    lines.
    """

    def __init__(self, order: GlobalOrder, fingerprint: str, stage: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order, self.fingerprint = order, fingerprint
        self.broken = BrokenRun()
        self.samples = 0  # seen by this process since it started
        self.earlier = {"samples": 0, "seconds": 0.0}  # all processes, before this start
        self.started = time.monotonic()
        self.remove_callback(PrinterCallback)
        self.add_callback(Reporter(stage))

    def totals(self) -> dict[str, Any]:
        """Samples seen by all processes and seconds spent, earlier parts of a resumed run included."""
        seen = torch.tensor(self.samples, device=self.args.device)
        seen = int(self.accelerator.reduce(seen, "sum")) if self.args.world_size > 1 else self.samples
        return {
            "samples": self.earlier["samples"] + seen,
            "seconds": self.earlier["seconds"] + time.monotonic() - self.started,
        }

    def _get_train_sampler(self, train_dataset=None) -> GlobalOrder:
        return self.order

    def _run_epoch(self, **kwargs: Any) -> None:
        self.order.set_epoch(kwargs["epoch"])
        super()._run_epoch(**kwargs)

    def _get_num_items_in_batch(self, batch_samples, device) -> torch.Tensor:
        """Micro-batches with a label in the global batch; a process may have ghosts alone at the end."""
        labelled = sum(bool((batch["labels"] != IGNORE_INDEX).any()) for batch in batch_samples)
        return self.accelerator.reduce(torch.tensor(labelled, device=device), "sum")

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """Count the real samples (a ghost has no label), then step as usual."""
        self.samples += int((inputs["labels"] != IGNORE_INDEX).any(1).sum())
        return super().training_step(model, inputs, num_items_in_batch)

    def floating_point_ops(self, inputs) -> int:
        """Not estimated: the Trainer's formula knows neither towers nor gathered logits."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, then look whether the run is broken."""
        super().log(logs, start_time)
        if "loss" in logs:
            self.broken.see(self.state.global_step, logs["loss"], logs.get("grad_norm"))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Part of saving a checkpoint: what is trained; DeepSpeed's engine saves that itself."""
        if self.args.should_save and not self.is_deepspeed_enabled:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            save_file(self._trained(), Path(output_dir, TRAINABLE))

    def _trained(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().contiguous() for name, p in self.model.named_parameters() if p.requires_grad}

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model=None) -> None:
        with reading(resume_from_checkpoint):
            values, trained = load_file(Path(resume_from_checkpoint, TRAINABLE)), self._trained()
        assert values.keys() == trained.keys(), "the fingerprint lets only this run's checkpoints pass"
        for name, tensor in trained.items():
            tensor.copy_(values[name])

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_deepspeed_enabled:
            return super()._save_optimizer_and_scheduler(output_dir)
        self.model_wrapped.save_checkpoint(output_dir, exclude_frozen_parameters=True)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir, "scheduler.pt"))
        return None

    def _prepare_for_training(self, max_steps, train_dataloader, resume_from_checkpoint):
        """With DeepSpeed, load the trained part only: the Trainer would ask for the frozen one too."""
        if resume_from_checkpoint is not None:
            self.earlier = read_json(Path(resume_from_checkpoint, COMPLETE))
        if resume_from_checkpoint is None or not self.is_deepspeed_enabled:
            return super()._prepare_for_training(max_steps, train_dataloader, resume_from_checkpoint)
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        with reading(resume_from_checkpoint), torch.serialization.safe_globals(plain_of_deepspeed()):
            loaded, _ = self.model_wrapped.load_checkpoint(resume_from_checkpoint, load_module_strict=False)
        if loaded is None:
            raise BadInput(f"{resume_from_checkpoint}: DeepSpeed cannot read it; remove it to start anew")
        self._load_optimizer_and_scheduler(resume_from_checkpoint)
        return prepared

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with reading(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with reading(checkpoint):
            super()._load_rng_state(checkpoint)

    def _save_checkpoint(self, model, trial) -> None:
        """Save, mark as complete, and only then delete older ones."""
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        folder = Path(self.args.output_dir, f"checkpoint-{self.state.global_step}")
        try:
            with writing(folder, self.args.should_save):
                super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        totals = self.totals()
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            complete(folder, self.fingerprint, self.state.global_step, **totals)
            if limit:
                remove_checkpoints(self.args.output_dir, keep=limit)
