"""One small whole build in a copy of the tree, shared by the tests of this folder in the order they stand."""

import json
import os
import shutil
import subprocess
from copy import copy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 48


class Build:
    """A copy of the project with a small seed, finetuning and evaluation set cut from the demo's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "configs", "env", "py", "scripts"):
            put = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            put(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self.knobs = {"EXP": "tiny", "BASELINE_EXP": "", "RECIPE": "seed", "SAVE_STEPS": "2"}

    def with_knobs(self, knobs: dict[str, str]) -> "Build":
        """The same folder under other settings."""
        other = copy(self)
        other.knobs = knobs
        return other

    def make(self, *goals: str, check: bool = True, **knobs: str) -> subprocess.CompletedProcess:
        settings = [f"{name}={value}" for name, value in (self.knobs | knobs).items()]
        done = subprocess.run(
            ["make", *goals, *settings], cwd=self.folder, text=True, capture_output=True, timeout=600
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done

    def stages(self, *goals: str, **knobs: str) -> list[str]:
        """Make, and return the stages that ran."""
        return self.stages_in(self.make(*goals, **knobs).stdout)

    @staticmethod
    def stages_in(printed: str) -> list[str]:
        """The stages that started, by what make printed."""
        return sorted(
            line.split()[1].rstrip("]") for line in printed.splitlines() if line.endswith("] starts")
        )

    def mark(self, stage: str) -> str:
        """The hashes of what a stage made."""
        return (self.folder / "runs/demo/tiny/.make" / f"{stage}.out").read_text()

    def cut(self) -> None:
        """Make the demo's data, then use the head of each set."""
        self.make("data")
        demo, tiny = self.folder / "data/demo", self.folder / "tiny"
        for name in ("seed", "finetune", "eval/textvqa", "eval/mmbench"):
            (tiny / name).mkdir(parents=True)
        records = (demo / "seed/mgm_pretrain_demo.jsonl").read_text().splitlines()[:SAMPLES]
        (tiny / "seed/seed.jsonl").write_text("\n".join(records) + "\n")
        ids = {json.loads(record)["id"] for record in records}
        stage1 = json.loads((demo / "seed/stage_1.json").read_text())
        (tiny / "seed/stage_1.json").write_text(json.dumps([r for r in stage1 if r["id"] in ids]))
        finetune = json.loads((demo / "finetune/mgm_instruction_demo.json").read_text())
        (tiny / "finetune/instruction.json").write_text(json.dumps(finetune[:SAMPLES]))
        for name in ("seed", "finetune"):
            (tiny / name / "images").symlink_to(demo / name / "images")
        self.cut_evaluation(demo / "eval", tiny / "eval")
        self.knobs |= {
            "SEED": "tiny/seed/seed.jsonl",
            "STAGE1": "tiny/seed/stage_1.json",
            "FINETUNE_DATA": "tiny/finetune/instruction.json",
            "EVAL_DATA": "tiny/eval",
        }

    def cut_evaluation(self, demo: Path, tiny: Path) -> None:
        questions = (demo / "textvqa/llava_textvqa_val_v051_ocr.jsonl").read_text().splitlines()[:20]
        (tiny / "textvqa/llava_textvqa_val_v051_ocr.jsonl").write_text("\n".join(questions) + "\n")
        asked = {json.loads(question)["question_id"] for question in questions}
        annotations = json.loads((demo / "textvqa/TextVQA_0.5.1_val.json").read_text())
        annotations["data"] = [
            a for a in annotations["data"] if {a["question_id"], a.get("image_id")} & asked
        ]
        (tiny / "textvqa/TextVQA_0.5.1_val.json").write_text(json.dumps(annotations))
        (tiny / "textvqa/train_images").symlink_to(demo / "textvqa/train_images")
        rows = (demo / "mmbench/mmbench_dev_20230712.tsv").read_text().splitlines()[:21]
        (tiny / "mmbench/mmbench_dev_20230712.tsv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    if not (ROOT / ".venv/.installed").exists():
        pytest.skip("needs .venv (make env)")
    os.environ.pop("MAKEFLAGS", None)
    os.environ.pop("MAKELEVEL", None)
    made = Build(tmp_path_factory.mktemp("project"))
    made.cut()
    made.make("results")
    return made
