"""Pickles in a checkpoint that a training goes on from: none runs code. Of weights: mgm/test_bad_parts.py."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import Trainer

from attacks import require_refusal, run
from errors import BadInput
from mgm.training.launch import prepare_process
from mgm.training.resume import COMPLETE, complete, reading
from mgm.training.trainer import MGMTrainer

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prepared(monkeypatch):
    """The environment of a training."""
    monkeypatch.setattr(os, "environ", {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"})
    prepare_process(with_deepspeed=False)


ENGINE = """
import sys
from mgm.training.launch import forbid_compiling, prepare_process
prepare_process(True)
forbid_compiling()
import torch
from deepspeed.runtime.checkpoint_engine.torch_checkpoint_engine import TorchCheckpointEngine
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from mgm.training.resume import plain_of_deepspeed, reading
import cli
if "--save" in sys.argv:
    torch.save({"loss_scaler": LossScaler(7)}, "sound.pt")
def main():
    engine = TorchCheckpointEngine()
    for name in ("sound.pt", "hostile.pt"):
        with reading(name), torch.serialization.safe_globals(plain_of_deepspeed()):
            print(name, engine.load(name)["loss_scaler"].cur_scale)
cli.run(main)
"""


def test_deepspeed_s_engine_runs_nothing_that_a_checkpoint_names(tmp_path, mark, touch):
    """DeepSpeed itself asks for `weights_only=False`; of its own classes those with values alone are read."""
    torch.save({"loss_scaler": touch}, tmp_path / "hostile.pt")
    environment = {"PYTHONPATH": str(ROOT / "py"), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = run([sys.executable, "-c", ENGINE, "--save"], tmp_path, environment)
    require_refusal(done, "hostile.pt: cannot be read (it names posix.system, which is run); remove it")
    assert "sound.pt 7" in done.stdout and not mark.exists()
    torch.load(tmp_path / "hostile.pt", weights_only=False)
    assert mark.exists(), "the payload must be one"


@pytest.mark.parametrize(
    "method", ["_load_optimizer_and_scheduler", "_load_rng_state", "_load_from_checkpoint"]
)
def test_the_trainer_s_own_states_run_nothing(tmp_path, mark, touch, prepared, monkeypatch, method):
    """Whatever the Trainer's version asks of `torch.load`, what it comes to is one line."""
    file = tmp_path / "state"
    torch.save({"cpu": touch}, file)

    def load(*_: object) -> None:
        torch.load(file, weights_only=False)

    monkeypatch.setattr(Trainer, method, load)
    monkeypatch.setattr("mgm.training.trainer.load_file", load)
    monkeypatch.setattr(MGMTrainer, "_trained", lambda self: {})
    trainer = MGMTrainer.__new__(MGMTrainer)  # without a model
    with pytest.raises(BadInput, match=r"cannot be read .it names posix.system, which is run.; remove it"):
        getattr(trainer, method)(str(tmp_path))
    assert not mark.exists()


@pytest.mark.parametrize(
    "fault", [RuntimeError("file in archive is not in a subdirectory"), EOFError(), KeyError("a")]
)
def test_a_damaged_state_is_one_line_and_an_error_of_ours_is_not(fault):
    with (
        pytest.raises(BadInput, match=r"a/checkpoint-3: cannot be read .*; remove it"),
        reading("a/checkpoint-3"),
    ):
        raise fault
    with pytest.raises(TypeError), reading("a/checkpoint-3"):
        raise TypeError
    with pytest.raises(torch.OutOfMemoryError), reading("a/checkpoint-3"):
        raise torch.OutOfMemoryError("CUDA out of memory")


def command(build, out: Path, *flags: str) -> list[str]:
    models, data = build.folder / "models/demo", build.folder / "data/demo/finetune"
    names = {
        "model_name_or_path": models / "gemma-2b-it",
        "vision_tower": models / "clip-vit-large-patch14-336",
        "vision_tower_aux": models / "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup",
        "data_path": data / "mgm_instruction_demo.json",
        "image_folder": data,
        "output_dir": out,
    }
    shared = """--image_size_aux 96 --tune_mm_mlp_adapter True --num_train_epochs 2
        --per_device_train_batch_size 4 --gradient_accumulation_steps 1 --save_strategy steps --save_steps 3
        --save_total_limit 1 --logging_steps 1 --report_to none --bf16 False --learning_rate 1e-3
        --dataloader_num_workers 0"""
    given = [part for name, value in names.items() for part in (f"--{name}", str(value))]
    return [sys.executable, str(ROOT / "py/train.py"), *given, *shared.split(), *flags]


def killed_after_a_checkpoint(words: list[str], out: Path) -> Path:
    """Train until there is a whole checkpoint, and no further."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        while not (found := list(out.glob(f"checkpoint-*/{COMPLETE}"))):
            assert job.poll() is None
            time.sleep(0.01)
        job.send_signal(signal.SIGKILL)
    return found[0].parent


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "flags", [(), ("--deepspeed", str(ROOT / "configs/zero2.json"))], ids=["plain", "DeepSpeed"]
)
def test_a_training_that_goes_on_from_a_hostile_checkpoint_runs_nothing(
    pristine, tmp_path, mark, touch, flags, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    out, kept = tmp_path / "out", tmp_path / "kept"
    words = command(pristine, out, *flags)
    folder = killed_after_a_checkpoint(words, out)
    shutil.copytree(out, kept)
    pickles = [path.relative_to(kept) for path in kept.rglob("*.pt*") if path.is_file()]
    assert len(pickles) >= 3
    for name in pickles:
        shutil.rmtree(out)
        shutil.copytree(kept, out)
        torch.save(touch, out / name)
        told = json.loads((folder / COMPLETE).read_text())
        complete(folder, told["fingerprint"], *(told[x] for x in ("step", "samples", "seconds")))
        require_refusal(run(words, tmp_path), "cannot be read", "posix.system", "remove it")
        assert not mark.exists(), name
    shutil.rmtree(out)
    shutil.copytree(kept, out)
    done = run(words, tmp_path)
    assert done.returncode == 0 and "resuming from" in done.stderr, done.stderr[-3000:]
