"""py/check_data.py: all that is wrong with all files in one run, by name, and nothing said of good ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from world.eval_sets import make_mmbench, make_textvqa
from world.training_sets import make_finetune, make_seed

SCRIPT = Path(__file__).resolve().parents[1] / "py/check_data.py"


@pytest.fixture
def own(tmp_path):
    """A small set of each kind, with nothing wrong."""
    make_seed(tmp_path / "seed", "test", 14)
    make_finetune(tmp_path / "finetune", "test", 6)
    make_textvqa(tmp_path / "eval/textvqa", "test", 6)
    make_mmbench(tmp_path / "eval/mmbench", "test", 6)
    (tmp_path / "mine.yaml").write_text("process:\n  - text_length_filter: {min_len: 5}\n")
    return tmp_path


def check(own, *options, np=2):
    seed = own / "seed/mgm_pretrain_demo.jsonl"
    given = options or (
        *("--seed", seed, "--stage1", own / "seed/stage_1.json"),
        *("--finetune_data", own / "finetune/mgm_instruction_demo.json"),
        *("--eval_data", own / "eval", "--recipe", own / "mine.yaml"),
    )
    command = [sys.executable, SCRIPT, *given, "--np", np, "--output", own / "check-data.jsonl"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    lines = (own / "check-data.jsonl").read_text().splitlines() if (own / "check-data.jsonl").exists() else []
    return done, [json.loads(line) for line in lines]


def spoil(path, number, **changes):
    """Change one entry of a file of JSON lines or of a JSON list."""
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    rows[number] |= changes
    lines = [json.dumps(row) for row in rows]
    path.write_text("[" + ",\n".join(lines) + "]" if path.suffix == ".json" else "\n".join(lines) + "\n")


def test_good_sets_pass_with_a_summary_each_and_a_word_on_what_was_not_checked(own):
    done, findings = check(own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [finding["severity"] for finding in findings] == [
        "warning"
    ]  # asked once, without circular variants
    for words in (
        "SEED ",
        "14 sound records and ids, 14 images (14 different)",
        "STAGE1 ",
        "14 questions",
        "FINETUNE_DATA ",
        "6 records, 6 images (6 different), 6 ids",
        "6 questions, 6 images",
        "6 rows, 6 questions",
        "RECIPE ",
        "no tokenizer here",
        "1 warning; all are in",
    ):
        assert words in done.stdout, words


def test_faults_of_twelve_kinds_in_six_files_are_all_reported_in_one_run(own):
    seed, finetune = own / "seed/mgm_pretrain_demo.jsonl", own / "finetune/mgm_instruction_demo.json"
    rows = [json.loads(line) for line in seed.read_text().splitlines()]
    spoil(seed, 1, id=rows[0]["id"])
    spoil(seed, 2, text="<__dj__image>\n <|__dj__eoc|>")
    spoil(seed, 3, images=["images/gone.jpg"])
    (own / "seed" / rows[4]["images"][0]).write_bytes(b"")
    spoil(seed, 5, id="unasked")
    spoil(seed, 7, text="<__dj__image>\na cube")
    spoil(seed, 8, text="<__dj__image>\na\x07 cube <|__dj__eoc|>")
    spoil(own / "seed/stage_1.json", 6, conversations=[])
    spoil(finetune, 1, conversations=[{"from": "gpt", "value": "a"}])
    spoil(finetune, 2, image="images/gone.jpg")
    spoil(own / "eval/textvqa/llava_textvqa_val_v051_ocr.jsonl", 2, image="gone.jpg")
    table = own / "eval/mmbench/mmbench_dev_20230712.tsv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:3], "x" + lines[3], *lines[4:]]) + "\n")
    (own / "mine.yaml").write_text(
        "process:\n  - text_lenth_filter: {}\n  - alphanumeric_filter: {min_rato: 1}\n"
    )
    done, findings = check(own, np=3)
    faults = [finding for finding in findings if finding["severity"] == "fault"]
    expected = {
        f"{seed.name}:2": "stands on line 1 already",
        f"{seed.name}:3": "empty caption",
        f"{seed.name}:4": "gone.jpg is missing",
        f"{seed.name}:5": "is empty (0 bytes)",
        f"{seed.name}:6": "not in stage_1.json",
        f"{seed.name}:7": "not in stage_1.json",
        f"{seed.name}:8": "the text must end in",
        f"{seed.name}:9": "control character U+0007",
        "stage_1.json:7": "needs id, image, human, gpt",
        f"{finetune.name}:2": "turns must alternate human, gpt",
        f"{finetune.name}:3": "gone.jpg is missing",
        "llava_textvqa_val_v051_ocr.jsonl:3": "gone.jpg: image of question",
        f"{table.name}:4": "is no number",
        "mine.yaml:2": "text_lenth_filter is no operator",
        "mine.yaml:3": "has no parameter 'min_rato'",
    }
    assert {f"{Path(one['file']).name}:{one['line']}" for one in faults} == set(expected)
    for where, words in expected.items():
        assert any(where in line and words in line for line in done.stdout.splitlines()), (where, done.stdout)
    assert len(faults) == 15 and len({fault["kind"] for fault in faults}) == 12
    assert done.returncode == 1 and "check_data.py: 15 faults" in done.stderr


def test_twenty_of_each_kind_are_shown_the_rest_counted_and_all_kept(own):
    seed = own / "seed/many.jsonl"
    rows = [{"id": f"a{n}", "text": "<image> b <|__dj__eoc|>", "images": [f"{n}.jpg"]} for n in range(50)]
    rows += [{"id": f"b{n}", "text": "<image> <|__dj__eoc|>", "images": [f"{n}.jpg"]} for n in range(3)]
    seed.write_text("\n".join(map(json.dumps, rows)) + "\n")
    done, findings = check(own, "--seed", seed)
    assert done.stdout.count(" is missing; ") == 20 and done.stdout.count("empty caption") == 3
    assert "… and 30 more of this kind: image is missing" in done.stdout
    assert len(findings) == 53 and done.returncode == 1


@pytest.mark.parametrize("option", ["--seed", "--stage1", "--finetune_data", "--eval_data", "--recipe"])
def test_a_file_that_is_none_or_not_there_is_a_fault_that_names_the_knob(own, option):
    kind = "folder" if option == "--eval_data" else "file"
    done, (finding, *_) = check(own, option, own / "gone.json" if kind == "folder" else own / "eval")
    assert done.returncode == 1
    assert finding["message"].startswith(f"no such {kind}; correct {option[2:].upper()}, or ")
    assert ("STAGE1=none" in finding["message"]) == (option == "--stage1")


def test_nothing_to_check_is_an_error(own):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--output", own / "o.jsonl"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "nothing to check" in done.stderr and not (own / "o.jsonl").exists()


def test_images_that_decode_are_remembered_for_synthesis(own):
    options = ("--seed", own / "seed/mgm_pretrain_demo.jsonl", "--store", own / "store.sqlite")
    for _ in range(2):
        done, _ = check(own, *options)
        assert done.returncode == 0, done.stdout + done.stderr
    from image_check import DECODER
    from store import Store

    (row,) = Store(own / "store.sqlite").overview()
    assert row["name"] == DECODER.name and (row["asked"], row["computed"], row["answers"]) == (28, 14, 14)
