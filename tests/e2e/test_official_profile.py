"""PROFILE=10k, whole: official archives from a local server, tiny checkpoints in the official layout."""

import json
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builds import Build

pytestmark = pytest.mark.slow
ARCHIVED_MODELS = (
    "gemma-2b-it",
    "clip-vit-large-patch14-336",
    "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup",
)


def archive(folder: Path, target: Path) -> None:
    """Pack ``folder`` as the official archives are: one top folder of the archive's name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz", dereference=True) as tar:
        tar.add(folder, target.name.removesuffix(".tar.gz"))


@pytest.fixture
def source(build, tmp_path):
    """The address of a server with the official paths, made from the small sets and the stand-ins."""
    official, demo = tmp_path / "official", build.folder / "data/demo"
    for name in ARCHIVED_MODELS:
        archive(build.folder / "models/demo" / name, official / f"models/{name}.tar.gz")
    data = official / "data/stage_1"
    archive(demo / "seed", data / "pretrain_stage_1_10k.tar.gz")
    archive(demo / "finetune", data / "finetuning_stage_1_12k.tar.gz")
    archive(demo / "eval", data / "eval_stage_1.tar.gz")
    for path, name in (
        ("seed/mgm_pretrain_demo.jsonl", "mgm_pretrain_stage_1_10k.jsonl"),
        ("seed/stage_1.json", "stage_1.json"),
        ("finetune/mgm_instruction_demo.json", "mgm_instruction_stage_1_12k.json"),
    ):
        (data / name).write_bytes((demo / path).read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(official)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_the_official_profile_goes_from_nothing_to_a_submission(build, source, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    models = build.folder / "models/demo"
    knobs = {
        "PROFILE": "10k",
        "EXP": "official",
        "RECIPE": "recaption",
        "IMAGE_SIZE_AUX": "96",
        "SOURCE_BASE": source,
        "SOURCE.blip2-opt-2.7b": str(models / "blip2-opt-2.7b"),
        "SOURCE.clip-vit-base-patch32": str(models / "clip-vit-large-patch14-336"),
    }
    build = Build(build.copy(tmp_path / "project").folder, knobs)
    rules = build.folder / "py/submission/rules.py"  # 12,000 finetuning samples are official, 48 are here
    rules.write_text(rules.read_text().replace("128, 12_000)", "128, 48)"))
    build.make("submission")
    run = build.folder / "runs/10k/official"
    result = json.loads((run / "results.json").read_text())
    assert result["profile"] == "10k" and result["baseline"] is None
    assert result["data"]["seed"] == result["training"]["pretrain"]["samples"] == 48
    assert "--global_batch_size 256" in (run / ".make/pretrain.log").read_text()
    assert (run / "pretrain/pretrain.log").is_file() and (run / "finetune/finetuning.log").is_file()
    log = (run / ".make/pretrain.log").read_text()
    assert "--per_device_train_batch_size 4 " in log and "--gradient_accumulation_steps 64 " in log
    checked = build.make("check-submission")
    assert "online layout, profile 10k, no faults" in checked.stdout, checked.stdout
    assert build.make("submission", "-q").returncode == 0
