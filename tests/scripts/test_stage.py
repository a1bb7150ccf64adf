"""scripts/stage.sh and scripts/stamp.sh: made only when it succeeded, and a stamp moves only with content."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def stage(folder: Path, command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "scripts/stage.sh", folder, "synth", "out.txt", "--", "bash", "-c", command],
        text=True,
        capture_output=True,
        timeout=60,
    )


def stamp(path: Path, *args: str | Path) -> float:
    subprocess.run([ROOT / "scripts/stamp.sh", path, *args], check=True)
    return path.stat().st_mtime_ns


def test_a_stage_that_succeeds_is_marked_and_timed_and_its_outputs_are_hashed(tmp_path):
    assert stage(tmp_path, f"echo hello > {tmp_path}/out.txt").returncode == 0
    marks = tmp_path / ".make"
    assert (marks / "synth.made").exists()
    assert "out.txt" in (marks / "synth.out").read_text()
    assert re.fullmatch(r"\d+\.\d\n", (marks / "synth.seconds").read_text())


def test_what_changed_while_a_stage_ran_is_newer_than_its_mark(tmp_path):
    assert stage(tmp_path, f"sleep 0.1; touch {tmp_path}/knobs {tmp_path}/out.txt").returncode == 0
    made = (tmp_path / ".make/synth.made").stat().st_mtime_ns
    assert made < (tmp_path / "knobs").stat().st_mtime_ns


def test_a_stage_that_makes_the_same_again_leaves_what_follows_up_to_date(tmp_path):
    stage(tmp_path, f"echo hello > {tmp_path}/out.txt")
    before = (tmp_path / ".make/synth.out").stat().st_mtime_ns
    stage(tmp_path, f"echo hello > {tmp_path}/out.txt")
    assert (tmp_path / ".make/synth.out").stat().st_mtime_ns == before
    stage(tmp_path, f"echo other > {tmp_path}/out.txt")
    assert (tmp_path / ".make/synth.out").stat().st_mtime_ns > before


@pytest.mark.parametrize("command", ["exit 3", "false | cat; set -o pipefail; false | cat", "kill -9 $$"])
def test_a_stage_that_fails_loses_its_mark_and_shows_the_end_of_its_log(tmp_path, command):
    stage(tmp_path, f"echo hello > {tmp_path}/out.txt")
    done = stage(tmp_path, f"echo the reason >&2; {command}")
    assert done.returncode != 0
    assert "the reason" in done.stderr and "synth.log" in done.stderr
    assert not (tmp_path / ".make/synth.made").exists()


def test_a_stage_that_makes_nothing_fails(tmp_path):
    done = stage(tmp_path, "true")
    assert done.returncode != 0 and "out.txt" in done.stderr


def test_a_second_make_of_the_same_stage_refuses(tmp_path):
    first = subprocess.Popen(
        [
            ROOT / "scripts/stage.sh",
            tmp_path,
            "synth",
            "out.txt",
            "--",
            "bash",
            "-c",
            f"sleep 3; touch {tmp_path}/out.txt",
        ],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 3
    while not (tmp_path / ".make/synth.log").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    second = stage(tmp_path, "true")
    assert second.returncode != 0 and "another make" in second.stderr
    assert first.wait() == 0


def test_only_lines_that_a_script_signed_reach_the_terminal(tmp_path):
    done = stage(tmp_path, f"echo noise; echo 'train.py: 10 %'; touch {tmp_path}/out.txt")
    assert "train.py: 10 %" in done.stdout and "noise" not in done.stdout
    assert "noise" in (tmp_path / ".make/synth.log").read_text()


def test_a_stamp_moves_when_a_knob_or_a_file_changes_and_only_then(tmp_path):
    code = tmp_path / "code.py"
    code.write_text("1")
    path = tmp_path / "x.knobs"
    first = stamp(path, "A=1", "--", code, "--")
    os.utime(code)
    assert stamp(path, "A=1", "--", code, "--") == first
    second = stamp(path, "A=2", "--", code, "--")
    assert second > first
    code.write_text("2")
    assert stamp(path, "A=2", "--", code, "--") > second


def test_a_stamp_does_not_see_comments_in_a_recipe_but_sees_its_values(tmp_path):
    recipe = tmp_path / "r.yaml"
    path = tmp_path / "x.knobs"
    recipe.write_text("# best\nprocess:\n  - op: 1  # one\n")
    first = stamp(path, "--", recipe, "--")
    recipe.write_text("# better\n\nprocess:\n  - op: 1\n")
    assert stamp(path, "--", recipe, "--") == first
    recipe.write_text("process:\n  - op: 2\n")
    assert stamp(path, "--", recipe, "--") > first


def test_a_stamp_sees_a_number_sign_inside_quotes(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text('prompt: "Question #1"\n')
    first = stamp(tmp_path / "x.knobs", "--", recipe, "--")
    recipe.write_text('prompt: "Question #2"\n')
    assert stamp(tmp_path / "x.knobs", "--", recipe, "--") > first


def test_a_stamp_names_the_file_that_is_missing(tmp_path):
    done = subprocess.run(
        [ROOT / "scripts/stamp.sh", tmp_path / "x.knobs", "--", tmp_path / "gone.jsonl", "--"],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1 and "gone.jsonl: no such file" in done.stderr


def test_a_stamp_moves_when_an_output_is_gone(tmp_path):
    output = tmp_path / "out"
    output.touch()
    first = stamp(tmp_path / "x.knobs", "--", "--", output)
    assert stamp(tmp_path / "x.knobs", "--", "--", output) == first
    output.unlink()
    assert stamp(tmp_path / "x.knobs", "--", "--", output) > first
