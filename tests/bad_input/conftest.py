"""What the rows of several files share."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks import run
from builds import ROOT

PYTHON = str(ROOT / ".venv/bin/python")


def record(identity: object = "a", caption: str = "a red cube", image: object = "images/a.png") -> dict:
    """A seed's record, sound unless told otherwise."""
    return {"id": identity, "text": f"<__dj__image>\n{caption} <|__dj__eoc|>", "images": [image]}


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """A seed of two records with their images, and what an earlier synthesis of it left in ``out``."""
    from PIL import Image

    (tmp_path / "images").mkdir()
    for name in "ab":
        Image.new("RGB", (20, 14), (200, 40, 40)).save(tmp_path / f"images/{name}.png")
    lines = [json.dumps(record(name, image=f"images/{name}.png")) for name in "ab"]
    (tmp_path / "seed.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "out").mkdir()
    for name in ("synth.jsonl", "ledger.jsonl", "synth.summary.json"):
        (tmp_path / "out" / name).write_text("earlier")
    return tmp_path / "seed.jsonl"


@pytest.fixture
def synth(seed: Path) -> Callable[..., subprocess.CompletedProcess]:
    """A function that runs ``scripts/synth.sh`` on `seed`; options given override."""

    def start(env: dict[str, str] | None = None, **options: object) -> subprocess.CompletedProcess:
        flags = {"recipe": ROOT / "configs/recipes/seed.yaml", "seed": seed, "output": "out/synth.jsonl"}
        flags |= {"ledger": "out/ledger.jsonl"} | options
        words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
        return run(
            [str(ROOT / "scripts/synth.sh"), *words], seed.parent, env={"PYTHON": PYTHON} | (env or {})
        )

    return start
