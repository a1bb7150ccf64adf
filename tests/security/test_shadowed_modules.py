"""A folder with modules of known names, as an archive may bring: what is started there imports none."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from attacks import cases, run

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]
NAMES = "json socket yaml torch records cli PIL numpy datasets transformers deepspeed sitecustomize ops store"


@pytest.fixture
def trap(tmp_path, mark):
    """A working folder whose every module leaves a mark."""
    folder = tmp_path / "trap"
    for name in NAMES.split():
        (folder / name).mkdir(parents=True)
        for place in (folder / f"{name}.py", folder / name / "__init__.py", folder / name / f"{name}.py"):
            place.write_text(f"open({str(mark)!r}, 'w').write(__name__)\n")
    return folder


def told(mark: Path) -> str:
    return mark.read_text() if mark.exists() else ""


def test_the_trap_is_one(trap, mark):
    run([sys.executable, "-c", "import json"], trap)
    assert told(mark) == "json"


SCRIPTS = (
    "check_seed",
    "check_data",
    "fetch_sources",
    "unpack",
    "score_textvqa",
    "check_submission",
    "show_store",
)


def test_scripts_import_nothing_from_where_they_are_started(trap, mark, record_property):
    cases(record_property, len(SCRIPTS))
    for name in SCRIPTS:
        done = run([sys.executable, str(ROOT / f"py/{name}.py"), "--help"], trap)
        assert done.returncode == 0 and not told(mark), f"{name}: {told(mark)} {done.stderr[-500:]}"


FLAGS = [
    "--model_name_or_path",
    "gone",
    "--vision_tower",
    "gone",
    "--vision_tower_aux",
    "gone",
    "--bf16",
    "False",
]
FLAGS += ["--data_path", "gone.json", "--image_folder", ".", "--output_dir", "out", "--deepspeed", "none"]
FLAGS += ["--per_device_train_batch_size", "4", "--dataloader_num_workers", "0"]
SLOW = pytest.mark.long


@pytest.mark.parametrize(
    "launcher", ["python", pytest.param("torchrun", marks=SLOW), pytest.param("deepspeed", marks=SLOW)]
)
def test_launchers_import_nothing_from_there_either(trap, mark, launcher):
    """`python -m` looks into the working folder first, and so does what it starts."""
    environment = {"PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    words = ["bash", str(ROOT / "scripts/pretrain.sh"), *FLAGS, "--launcher", launcher]
    done = run(words, trap, environment)
    said = done.stdout + done.stderr
    assert "gone/config.json is missing" in said, said[-3000:]
    assert not told(mark), told(mark)


def test_synthesis_imports_nothing_from_there_nor_from_beside_the_seed_and_the_recipe(trap, mark, make_seed):
    """Once `datasets` took a folder named `json` for its own reader of that name."""
    make_seed(3, "trap/set")
    shutil.copy(ROOT / "configs/recipes/seed.yaml", trap / "set/own.yaml")
    for name in NAMES.split():
        shutil.copy(trap / f"{name}.py", trap / "set")
    words = ["bash", str(ROOT / "scripts/synth.sh"), "--recipe", "set/own.yaml", "--seed", "set/seed.jsonl"]
    words += ["--output", "out/synth.jsonl", "--ledger", "out/ledger.jsonl"]
    done = run(words, trap, {"PYTHON": sys.executable})
    assert done.returncode == 0, done.stderr[-3000:]
    assert len((trap / "out/synth.jsonl").read_text().splitlines()) == 3
    assert json.loads((trap / "out/ledger.jsonl").read_text().splitlines()[0])["id"]
    assert not told(mark), told(mark)
