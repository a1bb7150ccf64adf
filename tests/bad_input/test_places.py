"""Something else in the place of what a stage makes: named, kept, and nothing is made."""

import shutil

import pytest

from attacks import cases, require_refusal, run

pytestmark = pytest.mark.attack("bad input")
AGAIN = ["make", "results", "BASELINE_EXP=", "RECIPE=seed", "SAVE_STEPS=2"]


@pytest.mark.parametrize(
    "output, words",
    [
        ("synth.jsonl", "default/synth.jsonl is a folder, where [default synth] makes a file; move it away"),
        ("results.json", "runs/demo/default/results.json is a folder"),
    ],
)
def test_a_folder_in_the_place_of_an_output_is_named(build, output, words):
    place = build.run() / output
    place.unlink()
    place.mkdir()
    (place / "precious").write_text("mine")
    require_refusal(run(AGAIN, build.folder), words)
    assert (place / "precious").read_text() == "mine"


def test_a_file_in_the_place_of_a_folder_is_named(build):
    shutil.rmtree(build.run() / "eval/textvqa")
    (build.run() / "eval/textvqa").write_text("mine")
    words = "eval/textvqa is a file, where [default textvqa] makes a folder"
    require_refusal(run(AGAIN, build.folder), words)
    assert (build.run() / "eval/textvqa").read_text() == "mine"


DAMAGED = ["{", "", "[]", "3", '{"outputs": 3}', '{"knobs": {}, "reads": {"py/cli.py": 3}}', "\0\0\0\0"]


def test_a_damaged_mark_is_named_with_its_remedy(build, record_property):
    cases(record_property, len(DAMAGED) + 1)
    words = ".make/synth.made: not readable as a mark"
    for content in DAMAGED:
        (build.run() / ".make/synth.made").write_text(content)
        require_refusal(
            run(["make", "plan", *AGAIN[2:]], build.folder), words, "remove it, and its stage runs"
        )
    require_refusal(run(AGAIN, build.folder), words)
