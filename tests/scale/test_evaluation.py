"""An evaluation that is killed again and again ends with every question answered once, and the same score.

The small build's questions, repeated under new ids, so that its own answers say what each must be.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from attacks import cases
from builds import Build, processes_of
from json_files import read_jsonl, write_json, write_jsonl

pytestmark = [pytest.mark.attack("scale"), pytest.mark.long]
TEXTVQA, ANNOTATIONS = "llava_textvqa_val_v051_ocr.jsonl", "TextVQA_0.5.1_val.json"
MMBENCH = "mmbench_dev_20230712.tsv"
SCORES = {"textvqa": "accuracy", "mmbench": "plain_accuracy"}
SECONDS = 300  # that a run may take after it lost a chunk


def repeat_textvqa(build: Build, folder: Path, rounds: int) -> dict[str, str]:
    """So many rounds of the small build's questions; returns {new id: the answer it must get}."""
    old = build.folder / "data/demo/eval/textvqa"
    folder.mkdir(parents=True)
    (folder / "train_images").symlink_to(old / "train_images")
    questions = [line for _, line in read_jsonl(old / TEXTVQA)]
    known = json.loads((old / ANNOTATIONS).read_text())["data"]
    answers = [line for _, line in read_jsonl(build.run() / "eval/textvqa/bm1.jsonl")]
    lines, annotations, wanted = [], [], {}
    for turn in range(rounds):
        for place, (question, one) in enumerate(zip(questions, known, strict=True)):
            name = f"{question['question_id']}-{turn}"
            lines.append(question | {"question_id": name})
            annotations.append(one | {"question_id": len(annotations), "image_id": name})
            wanted[name] = answers[place]["text"]
    write_jsonl(folder / TEXTVQA, lines)
    write_json(folder / ANNOTATIONS, {"data": annotations})
    return wanted


def repeat_mmbench(build: Build, folder: Path, rounds: int) -> dict[int, str]:
    """The same of the other test; circular variants stay such."""
    folder.mkdir(parents=True)
    head, *rows = (build.folder / "data/demo/eval/mmbench" / MMBENCH).read_text().splitlines()
    answers = {
        line["question_id"]: line for _, line in read_jsonl(build.run() / "eval/mmbench/answers.jsonl")
    }
    lines, wanted = [head], {}
    for turn in range(rounds):
        for row in rows:
            index, rest = row.split("\t", 1)
            new = int(index) + 1000 * turn
            lines.append(f"{new}\t{rest}")
            wanted[new] = answers[int(index)]["text"]
    (folder / MMBENCH).write_text("\n".join(lines) + "\n")
    return wanted


def start(build: Build, test: str, data: Path, output: Path) -> subprocess.Popen:
    """The evaluation as the graph starts it, in two chunks and a session of its own."""
    command = ["bash", f"scripts/eval/{test}.sh", "--model_path", build.run() / "finetune", "--data", data]
    command += ["--output", output, "--num_chunks", "2", "--batch_size", "50"]
    command += ["--parse", "inferred"] if test == "mmbench" else []
    env = os.environ | {"PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    with output.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            list(map(str, command)), cwd=build.folder, env=env, stdout=log, stderr=log, start_new_session=True
        )


def kill_in(run: subprocess.Popen, seconds: float, one: bool) -> bool:
    """SIGKILL to a run or to ``one`` of its chunks, after some seconds; False if that was too late."""
    time.sleep(seconds)
    if run.poll() is not None:
        return False
    chunks = [
        p for p in psutil.Process(run.pid).children(recursive=True) if "answer_" in " ".join(p.cmdline())
    ]
    chunks = [p for p in chunks if "run_chunks.sh" not in " ".join(p.cmdline())]
    if one and chunks:
        chunks[0].kill()
        assert run.wait(SECONDS) != 0
    else:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait(SECONDS)
    return True


@pytest.mark.parametrize(
    ("test", "questions", "kills"),
    [
        ("textvqa", 10_000, 10),
        ("mmbench", 10_000, 10),
    ],
)
def test_an_evaluation_killed_again_and_again_ends_as_if_undisturbed(
    pristine, tmp_path, test, questions, kills, record_property
):
    cases(record_property, kills)
    repeat = {"textvqa": repeat_textvqa, "mmbench": repeat_mmbench}[test]
    small = json.loads((pristine.run() / "eval" / test / "score.json").read_text())
    wanted = repeat(pristine, tmp_path / "data", questions // 20)
    output, draw, killed = tmp_path / "out", random.Random(questions), 0
    for number in range(kills):
        after = draw.uniform(0.5, 4 + questions / 500)
        in_time = kill_in(start(pristine, test, tmp_path / "data", output), after, one=number % 2 == 1)
        killed += in_time
        assert not in_time or killed <= number or not (output / "score.json").exists()
    assert killed > kills // 2
    begun = time.monotonic()
    run = start(pristine, test, tmp_path / "data", output)
    assert run.wait() == 0, output.with_suffix(".log").read_text()[-3000:]
    print(f"{len(wanted)} questions of {test}: {time.monotonic() - begun:.0f} s undisturbed")

    name = "answers.jsonl" if test == "mmbench" else "bm1.jsonl"
    given = [(line["question_id"], line["text"]) for _, line in read_jsonl(output / name)]
    assert given == list(wanted.items())
    score = json.loads((output / "score.json").read_text())
    assert score[SCORES[test]] == pytest.approx(small[SCORES[test]])
    assert not list(output.rglob("*+")) and not processes_of(pristine)
