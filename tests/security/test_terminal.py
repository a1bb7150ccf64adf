"""Names, ids, captions and servers' words that would move a terminal's cursor, or write its clipboard."""

import io
import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cli
from attacks import cases, run

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]
HOSTILE = {
    "a colour": "\x1b[31m",
    "a clipboard": "\x1b]52;c;cm0gLXJmIC8K\x07",
    "a title": "\x1b]0;mine\x07",
    "a cleared screen": "\x1b[2J",
    "a printer": "\x1b[5i",
    "one of eight bits": "\x9b2J",
    "a bell": "\x07",
    "a line written over": "\rall is well",
    "letters taken back": "\x08\x08\x08",
    "a turned direction": "\u202e",
    "an isolated direction": "\u2067",
    "a zero byte": "\0",
    "half a character": "\ud83d",
    "a name that is not UTF-8": os.fsdecode(b"\xff"),
}
ALL = "".join(HOSTILE.values())


def assert_plain(said: bytes) -> None:
    """Nothing in ``said`` but letters, tabs and line ends."""
    text = said.decode("utf-8")
    assert not [letter for letter in text if letter < " " and letter not in "\t\n"], text
    assert not any(letter in text for letter in "\x7f\x9b\u202e\u2067"), text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_control_characters_are_spelled_out_and_text_is_left_alone(text):
    told = cli.plain(f"id {text}")
    assert_plain(told.encode())
    assert told != f"id {text}" and eval(f"'{told}'") == f"id {text}"  # as Python spells it


def test_what_people_write_stays_as_it_is():
    for text in ("größer 猫 🐈‍⬛ مرحبا\tשלום\n", "\r 45%|####     |", "C:\\new\n", "a\r\nb"):
        assert cli.plain(text) == text


TELL = """
import sys
import cli
from errors import BadInput
from rich.console import Console
def main():
    print("printed", sys.argv[1])
    if "--table" in sys.argv:
        Console(highlight=False).print("a table in bold", style="bold")
    raise BadInput(f"raised {sys.argv[1]}")
cli.run(main)
"""


def test_whatever_a_script_prints_or_raises_is_plain_in_a_file(tmp_path):
    # A zero byte is no part of a command line, nor is half a character.
    words = [sys.executable, "-c", TELL, "".join(text for text in HOSTILE.values() if text not in "\0\ud83d")]
    done = run(words, tmp_path, {"PYTHONPATH": str(ROOT / "py")}, text=False, errors=None)
    assert done.returncode == 1 and b"printed" in done.stdout and b"raised" in done.stderr
    assert_plain(done.stdout)
    assert_plain(done.stderr)


def test_on_a_terminal_a_table_keeps_its_colours_and_a_name_gets_no_more(tmp_path):
    ours, its = pty.openpty()
    words = [sys.executable, "-c", TELL, "\x1b]52;c;aGk=\x07\x1b[2J", "--table"]
    environment = {"PYTHONPATH": str(ROOT / "py"), "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(words, env=os.environ | environment, stdout=its, stderr=its) as job:
        os.close(its)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            said += piece
        job.wait()
    os.close(ours)
    assert rb"printed \x1b]52;c;aGk=\x07\x1b[2J" in said and b"\x1b[1ma table in bold" in said
    assert b"\x1b]" not in said and b"\x1b[2J" not in said


def submission(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("solution/\x1b]52;c;aGk=\x07/readme", "x")


def told_by_scripts(folder: Path) -> dict[str, list[str]]:
    """Commands that name what is in hostile files."""
    text = "<__dj__image>\na cube"
    lines = [{"id": ALL.replace("\ud83d", "").replace("\udcff", ""), "text": text, "images": [ALL[:40]]}]
    (folder / "seed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "answers.jsonl").write_text(
        json.dumps({"question_id": "\x1b[2J", "text": "\x1b[31mred"}) + "\n"
    )
    question = {"question_id": "\x1b]0;x\x07", "image": "a", "text": "b"}
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n")
    (folder / "shards").mkdir()
    (folder / "shards/1_0.jsonl").write_text((folder / "answers.jsonl").read_text())
    submission(folder / "submit.zip")
    (folder / "r\x1b[2J.yaml").write_text("process: 3\n")
    shards = [
        "--question_file",
        "questions.jsonl",
        "--shards",
        "shards",
        "--num_chunks",
        "1",
        "--output",
        "o",
    ]
    return {
        "check_seed": ["--seed", "seed.jsonl", "--output", "o", "--np", "1"],
        "join_shards": shards,
        "check_submission": ["--zip", "submit.zip"],
        "fill_recipe": ["--recipe", "r\x1b[2J.yaml", "--seed", "seed.jsonl", "--work", "w"],
        "dj_to_llava": ["--synth", "seed.jsonl", "--stage1", "none", "--seed", "seed.jsonl", "--output", "o"],
        "list_files": ["--of", "\x1b[2J", "--output", "o"],
        "score_textvqa": ["--annotations", "\x1b]0;x\x07", "--answers", "answers.jsonl", "--output", "o"],
    }


def test_scripts_name_hostile_ids_files_and_members_plainly(tmp_path, record_property):
    commands = told_by_scripts(tmp_path)
    cases(record_property, len(commands))
    spelled = 0
    for name, flags in commands.items():
        words = [sys.executable, str(ROOT / f"py/{name}.py"), *flags]
        done = run(words, tmp_path, text=False, errors=None)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and b"Traceback" not in said, f"{name}: {said[-2000:]}"
        assert_plain(said)
        spelled += rb"\x1b" in said
    assert spelled >= 5, "most of them name what is hostile"


@pytest.mark.parametrize("shown", ["1", ""], ids=["all is shown", "signed lines are"])
def test_a_stage_s_output_and_log_are_plain(tmp_path, shown):
    """Libraries print what they read, past our own scripts."""
    said = "a.py: " + ALL.replace("\ud83d", "")
    (tmp_path / "said").write_bytes(os.fsencode(said) + b"\n")
    mark = ["r/.make/s", "makes", "out", "reads", "knobs", "packages", "inputs"]
    words = [
        sys.executable,
        "-SE",
        str(ROOT / "py/graph/make_stage.py"),
        *mark,
        "--",
        "sh",
        "-c",
        "cat said; false",
    ]
    (tmp_path / "env").mkdir()
    (tmp_path / "env/requirements.lock").write_text("")
    done = run(words, tmp_path, {"V": shown}, text=False, errors=None)
    assert done.returncode == 1 and rb"\x1b]52" in done.stdout, done.stderr
    for told in (done.stdout, done.stderr, (tmp_path / "r/.make/s.log").read_bytes()):
        assert_plain(told)


def test_a_closed_output_is_no_fault(monkeypatch):
    """Started without standard output, Python has none to write plainly."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit):
        cli.run(lambda: sys.exit(3))
