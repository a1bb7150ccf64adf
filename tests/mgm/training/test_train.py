"""``py/train.py`` as a user runs it: whole runs in processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mgm.checkpoint import load_base, load_mgm, read_config
from mgm.weights import read_file

ROOT = Path(__file__).parents[3]
GOLDEN = Path(os.environ.get("GOLDEN_MGM", ROOT / "../shared/golden/mgm_tiny")).resolve()
PYTHON, TRAIN = [sys.executable], str(ROOT / "py/train.py")
DEEPSPEED = ["-m", "deepspeed.launcher.runner", "--num_gpus", "2", "--master_port"]
LIMIT = 240  # seconds

pytestmark = pytest.mark.slow


def official(models: list[str], data: Path, out: Path, *flags: str, batch: int = 4) -> list[str]:
    """The flags that both official commands share, at a small size."""
    shared = f"""--version gemma --data_path {data}/data.json --image_folder {data} --output_dir {out}
        --mm_projector_type mlp2x_gelu --mm_vision_select_layer -2 --mm_use_im_start_end False
        --mm_use_im_patch_token False --num_train_epochs 1 --per_device_train_batch_size {batch}
        --per_device_eval_batch_size 4 --gradient_accumulation_steps 1 --evaluation_strategy no
        --save_strategy steps --save_steps 100 --save_total_limit 1 --weight_decay 0. --warmup_ratio 0.03
        --lr_scheduler_type cosine --logging_steps 1 --tf32 True --model_max_length 512
        --gradient_checkpointing True --dataloader_num_workers 0 --lazy_preprocess True --report_to none"""
    return [*shared.split(), *models, *flags]


PRETRAIN = ("--tune_mm_mlp_adapter", "True", "--learning_rate", "1e-3")
FINETUNE = ("--image_aspect_ratio", "pad", "--group_by_modality_length", "True", "--learning_rate", "2e-5")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start(launcher: list[str | Path], flags: list[str]) -> subprocess.Popen:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DS_", "RANK", "MASTER_"))}
    environment |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    # A compiler that fails shows that none is needed.
    environment |= {"CC": "false", "CXX": "false"}
    return subprocess.Popen(
        [*launcher, TRAIN, *flags], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(launcher: list[str | Path], flags: list[str]) -> str:
    process = start(launcher, flags)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, out + err
    return out + err


def losses(output: str) -> list[float]:
    return [
        float(line.split("'loss': ")[1].split(",")[0]) for line in output.splitlines() if "'loss'" in line
    ]


def summary(out: Path) -> dict:
    return json.loads((out / "train_summary.json").read_text())


def weights(out: Path) -> dict[str, torch.Tensor]:
    adapter = out / "mm_projector.bin"
    return read_file(adapter) if adapter.exists() else load_file(out / "model.safetensors")


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def golden_flags(tiny_models) -> list[str]:
    """The golden models' flags, or the tiny ones' where there is no golden folder."""
    if not (GOLDEN / "expected.json").is_file():
        return tiny_models.flags()
    llm = next((GOLDEN / "LLM").glob("*/*/config.json")).parent
    clip, aux = (next((GOLDEN / "OpenAI").glob(f"{name}*")) for name in ("clip", "openclip"))
    size = json.loads((GOLDEN / "expected.json").read_text())["settings"]["image_size_aux"]
    named = {"model_name_or_path": llm, "vision_tower": clip, "vision_tower_aux": aux, "image_size_aux": size}
    return [part for name, value in named.items() for part in (f"--{name}", str(value))]


PRETRAIN_COMMAND = """
  --deepspeed zero2_offload.json --model_name_or_path gemma-2b-it --version gemma --data_path J
  --image_folder D --vision_tower clip-vit-large-patch14-336 --vision_tower_aux
  openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup --mm_projector_type mlp2x_gelu
  --tune_mm_mlp_adapter True --mm_vision_select_layer -2 --mm_use_im_start_end False
  --mm_use_im_patch_token False --image_size_aux 768 --bf16 True --output_dir O --num_train_epochs 1
  --per_device_train_batch_size 4 --per_device_eval_batch_size 4 --gradient_accumulation_steps 2
  --evaluation_strategy no --save_strategy steps --save_steps 100 --save_total_limit 1 --learning_rate
  1e-3 --weight_decay 0. --warmup_ratio 0.03 --lr_scheduler_type cosine --logging_steps 1 --tf32 True
  --model_max_length 2048 --gradient_checkpointing True --dataloader_num_workers 1 --lazy_preprocess True
  --report_to none"""
FINETUNE_COMMAND = (
    PRETRAIN_COMMAND.replace("--tune_mm_mlp_adapter True", "--pretrain_mm_mlp_adapter P/mm_projector.bin")
    .replace(" 1e-3 ", " 2e-5 ")
    .replace("--image_size_aux", "--image_aspect_ratio pad --group_by_modality_length True --image_size_aux")
)


@pytest.mark.golden
def test_the_two_official_commands_run_under_deepspeed_and_what_they_write_loads(
    tiny_models, tiny_data, forks, tmp_path
):
    """Verbatim but for paths, batch and workers; two processes, 22 samples in steps of 16."""
    models = dict(zip(*[iter(golden_flags(tiny_models))] * 2, strict=True))
    pretrain, finetune = tmp_path / "pretrain", tmp_path / "finetune"
    paths = {
        "zero2_offload.json": str(ROOT / "configs/zero2_offload.json"),
        "gemma-2b-it": models["--model_name_or_path"],
        "clip-vit-large-patch14-336": models["--vision_tower"],
        "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup": models["--vision_tower_aux"],
        "768": models["--image_size_aux"],
        "J": str(tiny_data / "data.json"),
        "D": str(tiny_data),
        "P/mm_projector.bin": str(pretrain / "mm_projector.bin"),
    }
    for command, out in ((PRETRAIN_COMMAND, pretrain), (FINETUNE_COMMAND, finetune)):
        words = [(paths | {"O": str(out)}).get(word, word) for word in command.split()]
        output = run([forks.python, *DEEPSPEED, free_port()], words)
        assert len(losses(output)) == 2 and summary(out)["samples"] == 22
        settings = json.loads((out / "train_args.json").read_text())["settings"]
        assert settings["world_size"] == 2 and settings["bf16"] is True
    assert settings["learning_rate"] == 2e-5
    llm = paths["gemma-2b-it"]
    loaded = load_mgm(finetune, dtype=torch.bfloat16)
    towers = {name: getattr(loaded.model.config, name) for name in ("mm_vision_tower", "mm_vision_tower_aux")}
    adapter = pretrain / "mm_projector.bin"
    base = load_base(read_config(llm, **towers), llm, adapter, torch.bfloat16, seed=0).state_dict()
    changed = {
        name for name, tensor in loaded.model.state_dict().items() if not torch.equal(tensor, base[name])
    }
    assert changed and not any(".vision_tower" in name for name in changed)
    assert "model.mm_projector.0.weight" in changed and "model.layers.0.mlp.up_proj.weight" in changed


@pytest.mark.parametrize(
    "flags",
    [(*PRETRAIN, "--deepspeed", str(ROOT / "configs/zero2_offload.json")), FINETUNE],
    ids=["pretrain with DeepSpeed", "finetune without"],
)
def test_a_run_killed_and_started_again_gives_the_weights_of_an_undisturbed_one(
    flags, tiny_models, tiny_data, forks, tmp_path
):
    flags = (*flags, "--save_steps", "9", "--num_train_epochs", "6")
    command = {
        out: official(tiny_models.flags(), tiny_data, tmp_path / out, *flags) for out in ("calm", "killed")
    }
    calm, killed = start([forks.python], command["calm"]), start(PYTHON, command["killed"])
    deadline = time.monotonic() + LIMIT
    while not (tmp_path / "killed/checkpoint-9/complete.json").exists():
        assert killed.poll() is None and time.monotonic() < deadline, killed.communicate()
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    before = losses(killed.communicate()[0])
    assert not (tmp_path / "killed/train_summary.json").exists()
    (tmp_path / "killed/checkpoint-99").mkdir()  # as if the kill had hit while saving
    output = run([forks.python], command["killed"])
    assert "resuming from" in output and "checkpoint-99 is half-written; set aside" in output
    out, err = calm.communicate(timeout=LIMIT)
    assert calm.returncode == 0, err
    assert equal(weights(tmp_path / "calm"), weights(tmp_path / "killed"))
    assert losses(out)[-len(losses(output)) :] == losses(output) and len(losses(output)) < 36 and before
    calm_summary, killed_summary = summary(tmp_path / "calm"), summary(tmp_path / "killed")
    assert killed_summary["samples"] == calm_summary["samples"] == 6 * 22
    assert killed_summary["loss"] == calm_summary["loss"]
    assert not list((tmp_path / "killed").glob("checkpoint-*[0-9]"))


def test_two_processes_give_what_one_gives(tiny_models, tiny_data, forks, tmp_path):
    """22 samples in fours: in the last global batch one process has none, and modalities are grouped."""
    zero = ("--deepspeed", str(ROOT / "configs/zero2.json"), *FINETUNE, "--learning_rate", "1e-3")
    halves = ("--gradient_accumulation_steps", "2")
    flags = official(tiny_models.flags(), tiny_data, tmp_path / "one", *zero, *halves, batch=2)
    one = run([forks.python], flags)
    launcher = [forks.python, *DEEPSPEED, free_port()]
    two = run(launcher, official(tiny_models.flags(), tiny_data, tmp_path / "two", *zero, batch=2))
    assert losses(two) == pytest.approx(losses(one), abs=2e-4) and len(losses(one)) == 6
    assert summary(tmp_path / "two")["samples"] == 22
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_a_full_disk_while_saving_is_one_message(tiny_models, tiny_data, tmp_path):
    flags = official(tiny_models.flags(), tiny_data, tmp_path / "out", *FINETUNE, "--save_steps", "1")
    limited = ["bash", "-c", 'ulimit -f 60; trap "" XFSZ; exec "$@"', "-", *PYTHON]
    process = start(limited, flags)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert "checkpoint-1: cannot be written" in err and "free disk space" in err and "Traceback" not in err
    assert not list((tmp_path / "out").glob("checkpoint-*"))


def test_bad_data_stops_before_anything_is_touched(tiny_models, tiny_data, forks, tmp_path):
    records = json.loads((tiny_data / "data.json").read_text())
    records[3]["image"] = "images/gone.png"
    (tmp_path / "data.json").write_text(json.dumps(records))
    out = tmp_path / "out"
    out.mkdir()
    (out / "mm_projector.bin").write_text("earlier")
    flags = official(tiny_models.flags(), tmp_path, out, *PRETRAIN, "--image_folder", str(tiny_data))
    process = start([forks.python], flags)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert "id id-3: image" in err and "Traceback" not in err
    assert [path.name for path in out.iterdir()] == ["mm_projector.bin"]


def test_a_run_that_breaks_stops_early_with_a_message(tiny_models, tiny_data, forks, tmp_path):
    flags = ("--learning_rate", "1e30", "--max_grad_norm", "0", "--num_train_epochs", "9")
    process = start([forks.python], official(tiny_models.flags(), tiny_data, tmp_path, *FINETUNE, *flags))
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1 and "training stops" in err and "Traceback" not in err
    assert len(losses(out)) < 20 and not (tmp_path / "train_summary.json").exists()
