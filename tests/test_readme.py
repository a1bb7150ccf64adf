"""The README's table of needs is what `make estimate` says today."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = {"A10": "zero2_offload", "A800": "zero2", "A100": "zero2"}


def row(estimate: Callable, profile: str, machine: str, out: Path) -> str:
    """A line of the table, made anew."""
    from costs.units import duration, size

    gpus, gpu = machine.split(" × ")
    flags = ["--profile", profile, "--gpu", gpu, "--gpus", gpus, "--rate", "1", "--output", str(out)]
    flags += ["--deepspeed", str(ROOT / f"configs/{CONFIGS[gpu]}.json")]
    estimate(*flags, "--recipe", str(ROOT / "configs/recipes/filter_recaption.yaml"))
    stages = {stage["name"]: stage for stage in json.loads(out.read_text())}
    stages["evaluation"] = {"hours": stages["textvqa"]["hours"] + stages["mmbench"]["hours"]}
    names, total = ("download", "synth", "pretrain", "finetune", "evaluation"), stages["in all"]
    cells = [profile, machine, *(duration(3600 * stages[name]["hours"]) for name in names)]
    cells += [
        f"{total['hours'] * int(gpus):.1f}",
        size(total["memory"]["gpu"]),
        size(total["memory"]["host"]),
    ]
    return f"| {' | '.join([*cells, size(total['disk'])])} |"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "profile", "machine"), [(2, "10k", "8 × A100"), (4, "full", "4 × A800")])
def test_the_table_of_needs_is_current(estimate, number, profile, machine, tmp_path):
    """Two of its six lines, for the time that they take."""
    table = (ROOT / "README.md").read_text().split("<!-- estimate -->\n")[1].split("<!-- /estimate -->")[0]
    assert table.splitlines()[2:][number] == row(estimate, profile, machine, tmp_path / "estimate.json")
