"""The graph's memory, piece by piece: what counts as a change, what was made, what the words are."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from errors import BadInput
from graph import changes, marks, outputs
from graph.files import meaning, read_entry, sha256
from graph.plan import find, to_run, words
from graph.sizes import bytes_of, readable
from graph.stages import described, parse
from graph.unknown_knob import nearest

ROOT = Path(__file__).resolve().parents[2]
MAKE_STAGE = [sys.executable, ROOT / "py/graph/make_stage.py"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a lock file and one file that a stage reads."""
    monkeypatch.chdir(tmp_path)
    for folder in ("env", "run", ".venv"):
        (tmp_path / folder).mkdir()
    (tmp_path / "env/requirements.lock").write_text(
        "torch==2.0 \\\n    --hash=x\nnumpy==1.0 \\\npytest==9.0\n"
    )
    (tmp_path / ".venv/.requires.json").write_text(
        json.dumps({"torch": ["numpy"], "numpy": [], "pytest": []})
    )
    (tmp_path / "read.txt").write_text("one")
    return tmp_path


DESCRIPTION = "run/.make/synth makes out.txt part/ reads read.txt packages torch inputs knobs 'A=1 2' B="
COMMAND = "mkdir -p run/part; cp read.txt run/out.txt; echo x > run/part/x; echo $RANDOM > run/part/a.log"


def make(description: str = DESCRIPTION, command: str = COMMAND) -> subprocess.CompletedProcess:
    whole = [*MAKE_STAGE, *shlex.split(description), "--", "bash", "-c", command]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60)


def reasons(description: str = DESCRIPTION) -> list[str]:
    return changes.judge(parse(shlex.split(description)), changes.locked_versions()).reasons


def test_a_description_is_read_back(project):
    [stage] = described(["noise", f"@stage {DESCRIPTION}", f"@stage {DESCRIPTION}"])
    assert stage.knobs == {"A": "1 2", "B": ""} and stage.reads == ["read.txt"]
    assert (stage.folder, stage.name, stage.label, stage.target) == (
        "run",
        "synth",
        "[run synth]",
        "run/out.txt",
    )
    assert [tuple(output) for output in stage.outputs] == [("run/out.txt", "file"), ("run/part", "folder")]


def test_a_made_stage_is_current_and_is_not_made_again(project):
    assert reasons() == ["not made yet"]
    first = make()
    assert first.returncode == 0 and "[run synth] done in" in first.stdout
    assert reasons() == []
    assert make().stdout == ""
    made = marks.read("run/.make/synth")
    assert made["outputs"]["files"] == 3 and made["packages"]["versions"] == {"numpy": "1.0", "torch": "2.0"}
    manifest = (project / "run/.make/synth.out").read_text().splitlines()
    assert manifest == [
        f"{sha256('run/out.txt')} 3 out.txt",
        f"{sha256('run/part/x')} 2 part/x",
    ], "a log may differ between equal runs"


CHANGES = {
    "knob": (lambda: DESCRIPTION.replace("1 2", "3"), ["A 1 2 → 3"]),
    "new knob": (lambda: DESCRIPTION + " C=x", ["C (unset) → x"]),
    "emptied knob": (lambda: DESCRIPTION.replace("1 2", ""), ["A 1 2 → ''"]),
    "file": (lambda: Path("read.txt").write_text("two") and DESCRIPTION, None),
    "file more": (lambda: DESCRIPTION.replace("reads", "reads env/requirements.lock"), None),
    "package": (
        lambda: Path("env/requirements.lock").write_text("torch==2.1\nnumpy==1.0\n") and DESCRIPTION,
        ["package torch 2.0 → 2.1"],
    ),
    "package that another needs": (
        lambda: Path("env/requirements.lock").write_text("torch==2.0\nnumpy==1.1\n") and DESCRIPTION,
        ["package numpy 1.0 → 1.1"],
    ),
    "package of others": (
        lambda: (
            Path("env/requirements.lock").write_text("torch==2.0\nnumpy==1.0\npytest==10\n") and DESCRIPTION
        ),
        [],
    ),
    "output gone": (lambda: Path("run/part/x").unlink() or DESCRIPTION, ["run/part/x is missing"]),
    "output shorter": (
        lambda: os.truncate("run/out.txt", 1) or DESCRIPTION,
        ["run/out.txt has 1 bytes, not 3"],
    ),
    "output other": (
        lambda: Path("run/out.txt").write_text("ONE") and DESCRIPTION,
        ["run/out.txt was changed"],
    ),
    "log other": (lambda: Path("run/part/a.log").write_text("1234\n") and DESCRIPTION, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_named(project, name):
    log = COMMAND.replace("$RANDOM", "4321")
    assert make(command=log).returncode == 0
    change, expected = CHANGES[name]
    found = reasons(change())
    if expected is None:
        assert len(found) == 1 and ("read.txt" in found[0] or "is new" in found[0])
    else:
        assert found == expected


def test_times_alone_are_no_change_and_the_new_ones_are_kept(project):
    make()
    os.utime("read.txt", (5, 5))
    os.utime("run/out.txt", (5, 5))
    assert reasons() == []
    made = marks.read("run/.make/synth")
    assert made["reads"]["read.txt"][1] == 5_000_000_000
    assert json.loads(Path("run/.make/synth.stat").read_text())["out.txt"][1] == 5_000_000_000


@pytest.mark.parametrize(
    ("name", "one", "same", "other"),
    [
        ("a.py", "x = 1\n", "# why\nx  =  1  # one\n", "x = 2\n"),
        ("a.py", 'x = "#"\n', "x = '#'\n", 'x = ""\n'),
        ("a.yaml", "a: [1, 2]\n", "# why\na:\n  - 1\n  - 2  # two\n", "a: [2, 1]\n"),
        ("a.yaml", 'a: "x # y"\n', "a: 'x # y'\n", 'a: "x # z"\n'),
        ("a.yaml", "a: |\n  # not a comment\n", "a: |\n  # not a comment\n\n", "a: |\n  # another\n"),
        ("a.json", '{"a": 1}', '{\n "a": 1\n}', '{"a": 2}'),
    ],
)
def test_comments_and_layout_mean_nothing(project, name, one, same, other):
    digests = []
    for text in (one, same, other):
        Path(name).write_text(text)
        digests.append(meaning(name, sha256(name)))
    assert digests[0] == digests[1] != digests[2]


def test_a_file_that_cannot_be_parsed_counts_by_its_bytes(project):
    Path("bad.py").write_text("def (")
    assert read_entry("bad.py", None)[4] == sha256("bad.py")


def test_a_missing_file_is_named_with_the_remedy(project):
    with pytest.raises(BadInput, match=r"gone\.txt: no such file; correct the knob that names it"):
        read_entry("gone.txt", None)


def test_a_large_set_is_known_by_its_manifest_alone(project, monkeypatch):
    monkeypatch.setattr(outputs, "LOOKED_AT", 2)
    stage = parse(shlex.split(DESCRIPTION))
    subprocess.run(["bash", "-c", "mkdir run/.make; " + COMMAND], check=True)
    now = changes.look(stage, None, changes.locked_versions())
    outputs.write(stage, {**now, "started": 0, "seconds": 0}, print)
    assert not Path("run/.make/synth.stat").exists()
    Path("run/part/x").write_text("other")
    assert reasons() == [], "one file of many is not looked at"
    Path("run/.make/synth.out").write_text("x")
    assert reasons() == ["run/.make/synth.out was changed"]
    Path("run/.make/synth.out").unlink()
    assert reasons() == ["run/.make/synth.out is missing"]
    Path("run/out.txt").unlink()
    assert reasons() == ["run/out.txt is missing"]


def test_files_that_a_list_names_count_as_made(project):
    description = "run/.make/own makes @list.txt reads packages inputs knobs"
    assert make(description, "echo read.txt > run/list.txt").returncode == 0
    assert f"{sha256('read.txt')} 3 :/read.txt" in (project / "run/.make/own.out").read_text().splitlines()
    Path("read.txt").write_text("two")
    assert reasons(description) == ["read.txt was changed"]


def test_a_failed_start_that_changed_nothing_keeps_the_old_mark(project):
    make()
    assert make(DESCRIPTION.replace("1 2", "3"), "echo the reason; exit 3").returncode == 1
    assert reasons() == []
    failed = make(DESCRIPTION.replace("1 2", "3"), "echo y > run/out.txt; exit 3")
    assert failed.returncode == 1 and "[run synth] failed; the end of run/.make/synth.log" in failed.stderr
    assert reasons() == ["the last run did not finish"]


def test_what_ended_well_is_not_run_again_when_only_its_manifest_is_missing(project):
    make()
    made = json.loads(Path("run/.make/synth.made").read_text())
    ran = {part: made[part] for part in ("knobs", "reads", "packages", "inputs")}
    Path("run/.make/synth.ran").write_text(json.dumps({**ran, "started": 1.0, "seconds": 2.0}))
    Path("run/.make/synth.made").unlink()
    assert make(command="exit 1").returncode == 0
    assert reasons() == [] and not Path("run/.make/synth.ran").exists()
    Path("run/.make/synth.ran").write_text(json.dumps({**ran, "started": 1.0, "seconds": 2.0}))
    assert make(DESCRIPTION.replace("1 2", "3"), "exit 1").returncode == 1, "that ran under other knobs"


def test_a_stage_that_does_not_make_what_it_says_fails(project):
    done = make(command="true")
    assert (
        done.returncode == 1 and "[run synth] ended well but did not make the file run/out.txt" in done.stderr
    )


def test_only_signed_lines_reach_the_terminal_and_all_the_log(project):
    done = make(command=f"echo noise; echo 'train.py: 10 %'; {COMMAND}")
    assert "[run synth] train.py: 10 %" in done.stdout and "noise" not in done.stdout
    assert "noise" in Path("run/.make/synth.log").read_text()


def test_the_plan_follows_inputs_and_the_chain_is_found(project):
    make()
    later = "run/.make/next makes next.txt reads packages inputs run/.make/synth knobs"
    assert make(later, "echo > run/next.txt").returncode == 0
    stages = [parse(shlex.split(DESCRIPTION)), parse(shlex.split(later))]
    assert to_run(stages, renew=False) == {}
    Path("read.txt").write_text("two")
    found = to_run(stages, renew=False)
    assert list(found) == ["run/.make/synth", "run/.make/next"]
    assert found["run/.make/next"] == ["run/out.txt, if different"]
    assert find(stages, "run/next.txt") == find(stages, "next.txt") == find(stages, "next") == stages[1]
    assert find(stages, "run/part/x") == stages[0]
    with pytest.raises(BadInput, match="TARGET=gone: made by no stage here"):
        find(stages, "gone")
    assert words(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_sizes_are_readable_and_count_hard_links_once(tmp_path):
    assert [readable(n) for n in (0, 999, 1_234_567, 7_200_000_000)] == ["0 B", "999 B", "1.2 MB", "7.2 GB"]
    (tmp_path / "a").write_bytes(b"x" * 10_000)
    once = bytes_of(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert bytes_of(tmp_path) == once >= 10_000


def test_the_nearest_knob_is_named():
    assert nearest("RECIEPE", ["RECIPE", "SEED"]).startswith("RECIEPE is no knob; did you mean RECIPE?")
    assert "did you mean" not in nearest("XYZ", ["RECIPE"])
