"""make estimate: needs no weights, data, network or GPU."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from errors import BadInput

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "configs/recipes"
OFFLOAD = str(ROOT / "configs/zero2_offload.json")


def test_every_stage_has_its_needs_and_the_sum_is_their_sum(estimate, tmp_path):
    out = tmp_path / "estimate.json"
    recipe = RECIPES / "ocr_grounded.yaml"
    printed = estimate(
        *("--profile", "10k", "--gpu", "A10", "--gpus", "2", "--deepspeed", OFFLOAD),
        *("--pretrain_batch_size", "8", "--finetune_batch_size", "8"),
        *("--recipe", str(recipe), "--rate", "1.5", "--output", str(out)),
    )
    for words in ("PROFILE=10k on 2 × A10", "OCR on", "× 2 GPUs", "GB", "price", "38%", "22%", "assumed"):
        assert words in printed
    assert "warning" not in printed
    stages = {stage["name"]: stage for stage in json.loads(out.read_text())}
    assert [*stages] == ["download", "synth", "pretrain", "finetune", "textvqa", "mmbench", "in all"]
    total = stages.pop("in all")
    assert total["hours"] == pytest.approx(sum(stage["hours"] for stage in stages.values()))
    assert total["memory"]["gpu"] == max(s["memory"]["gpu"] for s in stages.values() if s["memory"])
    pretrain = stages["pretrain"]
    assert pretrain["hours"] == pytest.approx(pretrain["flop"] / (2 * 125e12 * 0.384) / 3600, rel=0.02)
    finetune = stages["finetune"]  # offloaded: 10 GB a batch of 8 on each of 2 GPUs, at 22 GB/s
    crossing = 12_000 / (8 * 2) * 4 * 2_519_431_424 / 22e9 / 3600
    assert finetune["hours"] == pytest.approx(finetune["flop"] / (2 * 125e12 * 0.218) / 3600 + crossing)
    assert stages["synth"]["note"].endswith("with SYNTH_PROCESSES=2")
    assert stages["finetune"]["flop"] > pretrain["flop"]


def test_what_cannot_fit_is_warned_of_with_the_knob(estimate):
    batches = ("--finetune_batch_size", "8", "--pretrain_batch_size", "64")
    plain = ("--deepspeed", str(ROOT / "configs/zero2.json"))
    printed = estimate("--gpu", "A10", *batches, "--efficiency", "0.3", *plain)
    assert "warning: finetune: 8 of the longest" in printed and "zero2_offload.json" in printed
    assert "warning: pretrain: 64 of the longest" in printed and "PRETRAIN_BATCH_SIZE_PER_GPU=auto" in printed
    assert "Time at 30% of the GPUs' peak" in printed


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--gpu", "T4"), "no bfloat16"),
        (("--gpu", "A11"), "unknown; there are A10, "),
        (("--gpu", "A10", "--gpus", "3"), "no multiple of 3 GPUs"),
        (("--gpu", "A10", "--gpus", "0"), "--gpus 0: must be at least 1"),
        (("--efficiency", "38"), "a share of the peak"),
        (("--pretrain_batch_size", "four"), "a whole number above 0, or auto"),
        (("--profile", "demo"), "for 10k or full"),
        (("--recipe", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused(estimate, flags, words):
    with pytest.raises(BadInput, match=re.escape(words)):
        estimate(*flags)


def test_a_refusal_is_a_line_and_a_status():
    command = [sys.executable, str(ROOT / "py/estimate.py"), "--gpu", "T4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and done.stderr.startswith("estimate.py: GPU=T4: it has no bfloat16")


def test_workers_are_a_number_or_auto(estimate, capsys):
    a10 = ("--profile", "10k", "--gpu", "A10", "--workers")
    assert "PROFILE=10k on 1 × A10" in estimate(*a10, "auto")
    with pytest.raises(BadInput, match="--workers 0: must be at least 1"):
        estimate(*a10, "0")
    with pytest.raises(SystemExit, match="2"):
        estimate(*a10, "many")
    assert "--workers many: a whole number, or auto" in capsys.readouterr().err
