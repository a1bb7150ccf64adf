"""How each stage's scripts start: they stop once all is imported, and say what was.

A script whose imports wait for its work gets a model's folder that is not there: it stops with the error that
names it, which is after its imports. The others print their help.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = "no-such-model"
QUESTION = {"question_id": "a", "image": "a.jpg", "text": "what?\nAnswer the question."}

TRAIN = ["train.py", "--model_name_or_path", NOWHERE, "--data_path", "a.json", "--output_dir", "out"]
ZERO2 = ["--deepspeed", str(ROOT / "configs/zero2.json")]
ANSWER = ["answer_textvqa.py", "--model_path", NOWHERE, "--question_file", "q.jsonl", "--image_folder", "."]
LAUNCHES = {
    "train": [*TRAIN, "--bf16", "False"],
    "train_deepspeed": [*TRAIN, "--bf16", "False", *ZERO2],
    "answer_textvqa": [*ANSWER, "--answers_file", "answers.jsonl"],
    **{
        name.split("/")[-1]: [f"{name}.py", "--help"]
        for name in (
            "world/make_models",
            "world/make_data",
            "dj_to_llava",
            "join_shards",
            "score_textvqa",
            "score_mmbench",
            "mmbench_upload",
            "collect_results",
            "show_results",
        )
    },
}
ERROR_OF = {"train": NOWHERE, "train_deepspeed": NOWHERE, "answer_textvqa": NOWHERE}
# The script in this process, as python would run it; at the end the modules that it imported.
WRAPPER = """
import atexit, os, runpy, sys
atexit.register(lambda: print("MODULES", *sorted(sys.modules)))
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(name: str, folder: Path, *options: str) -> subprocess.CompletedProcess:
    """Start ``LAUNCHES[name]`` in ``folder``, python with ``options``; it must stop where it is meant to."""
    (folder / "q.jsonl").write_text(json.dumps(QUESTION) + "\n")
    (folder / "a.jpg").touch()
    script, *flags = LAUNCHES[name]
    demo = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}
    command = [sys.executable, *options, "-c", WRAPPER, str(ROOT / "py" / script), *flags]
    done = subprocess.run(command, cwd=folder, env=os.environ | demo, capture_output=True, text=True)
    wanted, said = ERROR_OF.get(name), f"{name}: {done.stderr[-2000:]}"
    assert done.returncode == (1 if wanted else 0), said
    assert not wanted or f"{wanted}/config.json is missing" in done.stderr, said
    return done


def modules_of(done: subprocess.CompletedProcess) -> list[str]:
    """What a start had imported at its end."""
    return done.stdout.rpartition("MODULES ")[2].split()
