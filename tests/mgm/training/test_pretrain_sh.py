"""scripts/pretrain.sh and scripts/finetune.sh."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from builds import TRAINING_FLAGS

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
SMALL = ["--launcher", "python", "--deepspeed", "none", "--bf16", "False", "--model_max_length", "512"]
SMALL += ["--dataloader_num_workers", "0", "--global_batch_size", "8", "--per_device_train_batch_size", "4"]


def command(script: str, models, data: Path, out: Path, *flags: str) -> list[str]:
    files = ["--data_path", str(data / "data.json"), "--image_folder", str(data), "--output_dir", str(out)]
    return [str(ROOT / "scripts" / script), *models.flags(), *files, *SMALL, *flags]


def shell(*words: str, python: str | Path = sys.executable) -> subprocess.CompletedProcess:
    env = ENVIRONMENT | {"PYTHON": str(python)}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("script", ["pretrain.sh", "finetune.sh"])
def test_help_shows_an_example_and_wrong_usage_dies(script):
    path = str(ROOT / "scripts" / script)
    usage = shell(path, "--help")
    assert usage.returncode == 0 and f"example: scripts/{script}" in usage.stdout
    assert "set -euo" not in usage.stdout
    for words, message in [
        (["--nonsense", "1"], "unknown option --nonsense"),
        (["--PATH", "x"], "unknown argument --PATH"),
        (["stray"], "unknown argument stray"),
        (["--output_dir"], "--output_dir needs a value"),
        (["--data_path", "x"], "--model_name_or_path is missing"),
        (
            [*TRAINING_FLAGS, "--num_gpus", "two"],
            "--num_gpus must be auto or a whole number above 0, not 'two'",
        ),
        (
            [*TRAINING_FLAGS, "--global_batch_size", "2", "--per_device_train_batch_size", "4"],
            "--global_batch_size 2 is less",
        ),
        ([*TRAINING_FLAGS, "--launcher", "mpirun"], "choose deepspeed, torchrun or python"),
    ]:
        result = shell(path, *words)
        assert (
            result.returncode == 1 and result.stderr.startswith(f"{script}: ") and message in result.stderr
        ), words


@pytest.mark.slow
def test_the_scripts_train_and_keep_a_log(tiny_models, tiny_data, forks, tmp_path):
    more = ("--feature_cache", str(tmp_path / "features"), "--feature_cache_gb", "0")
    more += ("--", "--max_grad_norm", "0.5")
    result = shell(
        *command("pretrain.sh", tiny_models, tiny_data, tmp_path / "p", *more), python=forks.python
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("+ ") and "--gradient_accumulation_steps 2" in result.stdout
    assert "--max_grad_norm 0.5" in result.stdout
    log = (tmp_path / "p/pretrain.log").read_text()
    assert log.count("'loss'") == 3 and "train.py: pretrain: step 3/3" in log
    assert f"train.py: features: not kept in {tmp_path}/features: 18 pictures take" in log
    adapter = ("--pretrain_mm_mlp_adapter", str(tmp_path / "p/mm_projector.bin"))
    more = (*adapter, "--feature_cache", "none")
    words = command("finetune.sh", tiny_models, tiny_data, tmp_path / "f", *more)
    result = shell(*words, python=forks.python)
    assert "feature_cache" not in result.stdout
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "f/finetuning.log").read_text().count("'loss'") == 3
    assert (tmp_path / "f/model.safetensors.index.json").exists()


@pytest.mark.slow
def test_a_failure_is_not_hidden_by_the_log_and_an_interrupt_ends_the_children(
    tiny_models, tiny_data, forks, tmp_path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/finetuning.log").write_text("{'loss': 1.0}\n")
    result = shell(*command("finetune.sh", tiny_models, tmp_path, tmp_path / "out"), python=forks.python)
    assert result.returncode == 1 and "data.json" in result.stdout
    assert "training failed before its first step was logged, see above" in result.stderr
    assert (tmp_path / "out/finetuning.log").read_text() == "{'loss': 1.0}\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".launch.lock", "finetuning.log"]

    words = command("pretrain.sh", tiny_models, tiny_data, tmp_path / "long", "--num_train_epochs", "9999")
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # the tests' own may be ignored
    script = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, preexec_fn=heed)
    for line in script.stdout:
        if "'loss'" in line:
            break
    second = shell(*words)
    assert second.returncode == 1 and "another training is writing to" in second.stderr
    script.send_signal(signal.SIGINT)
    assert script.wait(timeout=30) == 130
    log = tmp_path / "long/pretrain.log"
    written = log.read_text()
    time.sleep(1)
    assert log.read_text() == written


def killed_at_a_checkpoint(words: list[str], out: Path) -> None:
    """Start a training and kill all of it once it has saved."""
    script = subprocess.Popen(words, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob("checkpoint-*[0-9]/complete.json")):
        assert script.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    subprocess.run(["pkill", "-9", "-f", str(out)], check=False)  # its own process group
    script.wait()


@pytest.mark.slow
def test_a_log_holds_all_parts_of_its_run_and_nothing_of_another(tiny_models, tiny_data, forks, tmp_path):
    out, log = tmp_path / "out", tmp_path / "out/pretrain.log"
    flags = ["--save_steps", "5", "--num_train_epochs", "15", "--learning_rate"]
    one, other = (command("pretrain.sh", tiny_models, tiny_data, out, *flags, lr) for lr in ("1e-4", "1e-3"))
    killed_at_a_checkpoint(one, out)
    assert shell(*other, python=forks.python).returncode == 0
    assert log.read_text().count("'loss'") == 45 and "resuming" not in log.read_text()
    killed_at_a_checkpoint(one, out)
    assert shell(*one, python=forks.python).returncode == 0
    whole = log.read_text()
    assert whole.count("resuming from") == 1 and whole.count("'train_loss'") == 1
    assert whole.count("'loss'") >= 45 and whole.count("trained: mm_projector") == 2
    assert [path.name for path in out.glob("*.log*")] == ["pretrain.log"]
