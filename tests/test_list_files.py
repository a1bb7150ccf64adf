"""py/list_files.py: the files of a user's own set, whatever its form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from list_files import files

SCRIPT = Path(__file__).resolve().parents[1] / "py/list_files.py"


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("own/images/a.jpg", "own/images/b.jpg", "shared/c.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    return tmp_path


def test_the_images_of_a_seed_set_are_listed_with_it_and_broken_lines_left_to_others(own):
    lines = [
        json.dumps({"id": "1", "images": ["images/a.jpg"]}),
        "{",
        json.dumps({"id": "2", "text": "a\u2028b", "images": ["../shared/c.jpg"]}, ensure_ascii=False),
        json.dumps({"id": "3", "images": ["images/gone.jpg"]}),
        json.dumps({"id": "4"}),
    ]
    Path("own/seed.jsonl").write_text("\n".join(lines))
    assert files(Path("own/seed.jsonl")) == ["own/images/a.jpg", "own/seed.jsonl", "shared/c.jpg"]


def test_the_images_of_a_llava_set_are_listed(own):
    Path("own/set.json").write_text(json.dumps([{"id": "1", "image": "images/b.jpg"}, {"id": "2"}]))
    assert files(Path("own/set.json")) == ["own/images/b.jpg", "own/set.json"]


def test_a_folder_is_listed_whole_and_an_absolute_one_by_absolute_paths(own):
    assert files(Path("own")) == ["own/images/a.jpg", "own/images/b.jpg"]
    assert files(own / "shared") == [str(own / "shared/c.jpg")]


def listed(seed, stage1):
    command = [sys.executable, SCRIPT, "--of", seed, "--output", seed.parent / "list.txt", "--stage1", stage1]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def test_a_seed_with_all_its_questions_or_official_ones_is_listed(make_seed):
    seed = make_seed(5)
    for stage1 in ("none", seed.parent / "stage_1.json"):
        assert listed(seed, stage1).returncode == 0
        assert len((seed.parent / "list.txt").read_text().splitlines()) == 6


def test_each_record_without_a_question_is_named_with_the_remedy_before_synthesis(make_seed):
    seed = make_seed(5)
    stage1 = seed.parent / "stage_1.json"
    stage1.write_text(json.dumps(json.loads(stage1.read_text())[:3]))
    done = listed(seed, stage1)
    assert done.returncode == 1 and not (seed.parent / "list.txt").exists()
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all("not in stage_1.json" in line and "STAGE1=none" in line for line in lines)
    assert f"{seed}:4: id 000000003: " in lines[0] and f"{seed}:5: id 000000004: " in lines[1]


@pytest.mark.parametrize(("of", "words"), [("gone.jsonl", "no such file"), ("bad.json", "not valid JSON")])
def test_what_cannot_be_listed_is_named(own, of, words):
    Path("bad.json").write_text("{")
    command = [sys.executable, SCRIPT, "--of", of, "--output", "list.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and of in done.stderr and words in done.stderr
    assert not Path("list.txt").exists()
