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
        json.dumps({"id": "2", "images": ["../shared/c.jpg"]}),
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


@pytest.mark.parametrize(("of", "words"), [("gone.jsonl", "no such file"), ("bad.json", "not valid JSON")])
def test_what_cannot_be_listed_is_named(own, of, words):
    Path("bad.json").write_text("{")
    command = [sys.executable, SCRIPT, "--of", of, "--output", "list.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and of in done.stderr and words in done.stderr
    assert not Path("list.txt").exists()
