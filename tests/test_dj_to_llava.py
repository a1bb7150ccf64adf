import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "py" / "dj_to_llava.py"


def convert(synth, stage1, *options):
    command = [
        sys.executable,
        SCRIPT,
        "--synth",
        synth,
        "--stage1",
        stage1,
        "--output",
        synth.parent / "o.json",
        *options,
    ]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def synth_of(seed, tmp_path, lines=None, caption=None):
    """A synth file in another folder: image paths relative to itself, the seed's lines by number."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    rows = rows if lines is None else [dict(rows[number]) for number in lines]
    for row in rows:
        row["images"] = [os.path.relpath(seed.parent / row["images"][0], folder)]
        if caption:
            row["text"] = f"<__dj__image>\n{caption} <|__dj__eoc|>"
    path = folder / "synth.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_seed_itself_becomes_its_own_stage1(make_seed, tmp_path):
    seed = make_seed(12)
    synth = synth_of(seed, tmp_path)
    done = convert(synth, seed.parent / "stage_1.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((synth.parent / "o.json").read_text()) == json.loads(
        (seed.parent / "stage_1.json").read_text()
    )
    assert "12 of 12 records, 12 ids, 0 synthesised" in done.stdout


def test_repeated_ids_and_new_captions_keep_their_question(make_seed, tmp_path):
    seed = make_seed(3)
    synth = synth_of(seed, tmp_path, [2, 0, 2], caption="a cat")
    done = convert(synth, seed.parent / "stage_1.json")
    answers = json.loads((synth.parent / "o.json").read_text())
    assert [sample["id"][-1] for sample in answers] == ["2", "0", "2"]
    assert answers[0]["conversations"] == [
        {"from": "human", "value": "<image>\nQuestion 2?"},
        {"from": "gpt", "value": "a cat"},
    ]
    assert "3 of 3 records, 2 ids, 3 synthesised" in done.stdout


def test_over_the_budget_the_kits_sample_is_taken(make_seed, tmp_path):
    seed = make_seed(10)
    synth = synth_of(seed, tmp_path)
    assert convert(synth, seed.parent / "stage_1.json", "--budget", 4).returncode == 0
    ids = [int(sample["id"]) for sample in json.loads((synth.parent / "o.json").read_text())]
    assert ids == [0, 7, 6, 2]  # random.seed(1024); random.sample(range(10), 4)
    random.seed(5)
    assert convert(synth, seed.parent / "stage_1.json", "--budget", 4, "--random_seed", 5).returncode == 0
    ids = [int(sample["id"]) for sample in json.loads((synth.parent / "o.json").read_text())]
    assert ids == random.sample(range(10), 4)


def test_an_image_made_in_synthesis_is_found_from_the_image_folder(make_seed, tmp_path):
    seed = make_seed(2)
    synth = synth_of(seed, tmp_path)
    made = synth.parent / "made" / "0.jpg"
    made.parent.mkdir()
    made.write_bytes((seed.parent / "images/000000000.jpg").read_bytes())
    lines = synth.read_text(encoding="utf-8").splitlines()
    first = {**json.loads(lines[0]), "images": ["made/0.jpg"]}
    synth.write_text(json.dumps(first) + "\n" + lines[1] + "\n", encoding="utf-8")
    assert convert(synth, seed.parent / "stage_1.json").returncode == 0
    images = [sample["image"] for sample in json.loads((synth.parent / "o.json").read_text())]
    assert (seed.parent / images[0]).samefile(made) and images[1] == "images/000000001.png"


def test_another_image_folder_gets_paths_relative_to_it(make_seed, tmp_path):
    seed = make_seed(1)
    synth = synth_of(seed, tmp_path)
    assert convert(synth, seed.parent / "stage_1.json", "--image_folder", tmp_path).returncode == 0
    assert json.loads((synth.parent / "o.json").read_text())[0]["image"] == "seed/images/000000000.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "x1"}, "synth.jsonl:2: id x1: not in stage_1.json; every id must come from the seed"),
        ({"images": ["gone.jpg"]}, "synth.jsonl:2: id 000000001: image gone.jpg is missing"),
        ({"text": "<__dj__image> <|__dj__eoc|>"}, "synth.jsonl:2: id 000000001: empty caption"),
    ],
)
def test_a_record_that_cannot_be_converted_is_named_and_the_old_file_stays(
    make_seed, tmp_path, change, message
):
    seed = make_seed(3)
    synth = synth_of(seed, tmp_path)
    rows = [json.loads(line) for line in synth.read_text(encoding="utf-8").splitlines()]
    rows[1].update(change)
    synth.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (synth.parent / "o.json").write_text("old")
    done = convert(synth, seed.parent / "stage_1.json")
    assert done.returncode == 1 and message in done.stderr and done.stderr.startswith("dj_to_llava.py: ")
    assert (synth.parent / "o.json").read_text() == "old"
    assert sorted(file.name for file in synth.parent.iterdir()) == ["o.json", "synth.jsonl"]


def test_without_stage1_official_questions_are_asked_the_same_for_any_budget(make_seed, tmp_path):
    seed = make_seed(12)
    synth = synth_of(seed, tmp_path)
    asked = []
    for budget in (12, 7):
        done = convert(synth, "none", "--seed", seed, "--budget", budget)
        assert done.returncode == 0, done.stderr
        samples = json.loads((synth.parent / "o.json").read_text())
        asked.append({sample["id"]: sample["conversations"][0]["value"] for sample in samples})
        assert all((seed.parent / sample["image"]).is_file() for sample in samples)
    assert len(asked[1]) == 7 and asked[1].items() <= asked[0].items()
    assert len(set(asked[0].values())) > 1 and all(
        human.startswith("<image>\n") for human in asked[0].values()
    )
    done = convert(synth, "none")
    assert done.returncode == 1 and "--stage1 none needs the seed" in done.stderr


def test_a_llava_seed_is_its_own_stage1_whatever_is_wrong_with_records_that_were_left_out(
    make_seed, tmp_path
):
    seed = make_seed(4)
    synth, mine = synth_of(seed, tmp_path), seed.parent / "mine.json"
    whole = json.loads((seed.parent / "stage_1.json").read_text())
    mine.write_text(json.dumps([*whole, {"id": "broken"}]))
    done = convert(synth, mine, "--seed", mine)
    assert done.returncode == 0, done.stderr
    assert json.loads((synth.parent / "o.json").read_text()) == whole
    done = convert(synth, mine)
    assert done.returncode == 1 and "id broken: needs id, image, human, gpt" in done.stderr


def test_a_budget_of_nothing_is_refused(make_seed, tmp_path):
    seed = make_seed(1)
    assert convert(synth_of(seed, tmp_path), seed.parent / "stage_1.json", "--budget", 0).returncode == 1
