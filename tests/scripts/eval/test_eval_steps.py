"""The two evaluation steps as a user runs them, with a stand-in for the model behind the interpreter."""

import base64
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from mmbench_table import MMBENCH_COLUMNS

ROOT = Path(__file__).resolve().parents[3]

# Stands in for the interpreter: runs a script with a model that answers "B", and fails chunk 1 where told to.
INTERPRETER = f"""#!{sys.executable}
import os, runpy, sys
sys.path.insert(0, {str(ROOT / "py")!r})
sys.argv = sys.argv[1:]
import answering
stand_in = answering.Answerer(lambda image: None, lambda texts, pictures: ["B"] * len(texts))
answering.load_answerer = lambda args, pictures: stand_in
if os.environ.get("FAIL_CHUNK") == "1" and "--chunk_idx" in sys.argv:
    if sys.argv[sys.argv.index("--chunk_idx") + 1] == "1":
        sys.exit("answer.py: out of memory")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def data(tmp_path):
    """Both tests, five questions each, in the official layout."""
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    images = tmp_path / "textvqa" / "train_images"
    images.mkdir(parents=True)
    (tmp_path / "mmbench").mkdir()
    (tmp_path / "finetune").mkdir()
    (tmp_path / "finetune" / "config.json").write_text('{"image_aspect_ratio": "pad"}')
    (images / "i.png").write_bytes(picture.getvalue())
    questions, annotations, rows = [], [], [MMBENCH_COLUMNS]
    cell = base64.b64encode(picture.getvalue()).decode()
    for i in range(5):
        text = f"Word {i}?\nReference OCR token: A, B\nAnswer."
        questions.append(json.dumps({"question_id": "i", "image": "i.png", "text": text}) + "\n")
        annotation = {"question_id": i, "image_id": "i", "question": f"Word {i}?"}
        annotations.append(annotation | {"answers": ["b" if i < 3 else "a"] * 10})
        row = {"index": i, "question": "?", "A": "x", "B": "y", "answer": "B" if i else "A", "category": "c"}
        row |= {"image": cell, "split": "dev"}
        rows.append([str(row.get(column, "")) for column in MMBENCH_COLUMNS])
    (tmp_path / "textvqa" / "llava_textvqa_val_v051_ocr.jsonl").write_text("".join(questions))
    (tmp_path / "textvqa" / "TextVQA_0.5.1_val.json").write_text(json.dumps({"data": annotations}))
    (tmp_path / "mmbench" / "mmbench_dev_20230712.tsv").write_text("\n".join(map("\t".join, rows)) + "\n")
    (tmp_path / "python").write_text(INTERPRETER)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def step(data, test, *flags, **environment):
    command = [ROOT / "scripts" / "eval" / f"{test}.sh", "--model_path", data / "finetune"]
    command += ["--device", "cpu", "--data", data / test, "--output", data / "out", *flags]
    environment = os.environ | {"PYTHON": str(data / "python"), "CUDA_VISIBLE_DEVICES": ""} | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("num_chunks", ["1", "2"])
def test_textvqa_is_answered_joined_and_scored(data, num_chunks):
    done = step(data, "textvqa", "--num_chunks", num_chunks, "--batch_size", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads((data / "out" / "score.json").read_text())["accuracy"] == pytest.approx(60.0)
    assert len((data / "out" / "bm1.jsonl").read_text().splitlines()) == 5
    assert json.loads((data / "out" / "protocol.json").read_text())["batch_size"] == 2
    assert "textvqa.sh: " in done.stderr and "score_textvqa.py" in done.stderr


def test_mmbench_is_answered_uploaded_and_scored(data):
    done = step(data, "mmbench", "--parse", "inferred")
    assert done.returncode == 0, done.stderr
    score = json.loads((data / "out" / "score.json").read_text())
    assert (score["accuracy"], score["parse"]) == (80.0, "inferred")
    sheet = openpyxl.load_workbook(data / "out" / "upload.xlsx").active
    assert [cell.value for cell in sheet["G"]] == ["prediction", *"BBBBB"]


def test_a_score_goes_with_the_answers_that_it_was_of(data):
    assert step(data, "textvqa").returncode == 0
    annotations = data / "textvqa/TextVQA_0.5.1_val.json"
    annotations.write_text(json.dumps({"data": json.loads(annotations.read_text())["data"][:3]}))
    done = step(data, "textvqa")
    assert done.returncode != 0 and "the answers do not match the questions" in done.stderr
    assert (data / "out/bm1.jsonl").exists() and not (data / "out/score.json").exists()


def test_a_failed_chunk_fails_the_step_and_leaves_the_former_result(data):
    assert step(data, "textvqa").returncode == 0
    before = (data / "out" / "bm1.jsonl").read_bytes()
    done = step(data, "textvqa", "--num_chunks", "2", FAIL_CHUNK="1")
    assert done.returncode != 0
    assert "run_chunks.sh: a chunk failed" in done.stderr
    assert (data / "out" / "bm1.jsonl").read_bytes() == before


def test_shards_of_a_former_run_do_not_count(data):
    assert step(data, "textvqa", "--num_chunks", "2").returncode == 0
    assert step(data, "textvqa", "--num_chunks", "2", FAIL_CHUNK="1").returncode != 0
    assert not (data / "out" / "answers" / "2_1.jsonl").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--chunks", "2"], "textvqa.sh: unknown option --chunks"),
        (["--parse", "exact"], "textvqa.sh: unknown option --parse"),
        (["--batch_size"], "textvqa.sh: --batch_size needs a value"),
        (["--output", ""], "textvqa.sh: --output is missing"),
        (["--num_chunks", "none"], "run_chunks.sh: --num_chunks none"),
    ],
)
def test_a_wrong_option_dies_with_a_message(data, flags, message):
    done = step(data, "textvqa", *flags)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_wrong_rule_dies_before_anything_is_answered(data):
    done = step(data, "mmbench", "--parse", "lenient")
    assert (done.returncode, (data / "out").exists()) == (2, False)


@pytest.mark.parametrize("script", ["textvqa.sh", "mmbench.sh", "run_chunks.sh"])
def test_help_shows_an_example(script):
    done = subprocess.run(
        [ROOT / "scripts" / "eval" / script, "--help"], capture_output=True, text=True, check=True
    )
    assert "Usage:" in done.stdout and "Example: scripts/eval/" in done.stdout


def test_each_chunk_gets_its_own_gpu(tmp_path):
    command = [
        ROOT / "scripts" / "eval" / "run_chunks.sh",
        "3",
        tmp_path,
        "sh",
        "-c",
        'echo "$CUDA_VISIBLE_DEVICES $3"',
    ]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "4,7"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert sorted(done.stdout.split("\n")) == ["", "4 0", "4 2", "7 1"]


def test_the_first_failure_and_a_signal_stop_the_other_chunks(tmp_path):
    answer = f'touch "{tmp_path}/$3"; [ "$3" != "$FAIL" ] || exit 1; exec sleep 60'
    command = [ROOT / "scripts" / "eval" / "run_chunks.sh", "2", tmp_path, "bash", "-c", answer]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    started = time.monotonic()
    failed = subprocess.run(
        command, env=environment | {"FAIL": "1"}, capture_output=True, text=True, check=False
    )
    assert (failed.returncode, "the other of the 2 were stopped" in failed.stderr) == (1, True)
    for mark in tmp_path.iterdir():
        mark.unlink()
    process = subprocess.Popen(command, env=environment | {"FAIL": "none"})
    while not ((tmp_path / "0").exists() and (tmp_path / "1").exists()):
        time.sleep(0.05)
    process.terminate()
    assert process.wait(timeout=30) == 143
    assert time.monotonic() - started < 30
