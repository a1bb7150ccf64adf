"""Changed marks, lists of made files, owners and descriptions of stages: made anew, as it was, or refused."""

import json
import shlex

import pytest

from errors import BadInput
from graph import changes, locks, marks, outputs, plan, processes, verify
from graph.stages import described, parse
from leaderboard.run_files import made_by
from mutations.harness import Refusal
from mutations.mutators import BOM
from show_results import stage_seconds

pytestmark = pytest.mark.attack("mutations")

DESCRIPTION = "run/.make/synth makes out.txt part/ @list.txt reads read.txt knobs A=1 B= packages torch "
DESCRIPTION += "inputs run/.make/first.made"
FIRST = "run/.make/first makes one.txt reads read.txt knobs packages inputs"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The files of a project with two stages made."""
    home = tmp_path / "a" / "b" / "c"
    files = {
        "env/requirements.lock": b"torch==2.0 \\\nnumpy==1.0\n",
        ".venv/.requires.json": b'{"torch": ["numpy"], "numpy": []}',
        "read.txt": b"one",
        "run/out.txt": b"made",
        "run/part/x": b"x",
        "run/one.txt": b"1",
        "run/list.txt": b"run/listed.txt\n",
        "run/listed.txt": b"listed",
    }
    for name, content in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    monkeypatch.chdir(home)
    for words in (FIRST, DESCRIPTION):
        stage = parse(shlex.split(words))
        now = changes.judge(stage, changes.locked_versions()).now
        made = {**now, "started": 1.0, "seconds": 2.5}
        outputs.write(stage, dict(made), print)
        marks.note_end(stage, made)
    for path in (home / "run/.make").iterdir():
        files[f"run/.make/{path.name}"] = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    return files


MARKS = ["run/.make/synth.made", "run/.make/synth.stat", "run/.make/first.made", "run/.make/synth.ran"]


def test_marks(project, attack, monkeypatch):
    """A changed mark is one of another making, or refused; only what says the same is current."""

    def act(folder):
        monkeypatch.chdir(folder)
        stages = [parse(shlex.split(words)) for words in (FIRST, DESCRIPTION)]
        found = plan.to_run(stages, renew=True)
        told = [plan.words(reasons) for reasons in found.values()]
        told += [] if found else plan.made_from(stages[1])
        told += [plan.why_run(stage, stages, found) for stage in stages if stage.mark in found]
        changes.ended_well(stages[1], changes.judge(stages[1], changes.locked_versions()).now)
        return sorted(found)

    def check(case, value, expected):
        assert isinstance(value, Refusal) or set(value) <= {"run/.make/first", "run/.make/synth"}

    attack(project, act, check, MARKS)


def test_the_list_of_a_stage_s_files(project, attack, monkeypatch):
    def act(folder):
        monkeypatch.chdir(folder)
        stage = parse(shlex.split(DESCRIPTION))
        return outputs.made_files(stage)

    def check(case, value, expected):
        if not isinstance(value, Refusal):
            assert {"run/out.txt", "run/part/x", "run/list.txt"} <= set(value)

    attack(project, act, check, ["run/list.txt"])


def test_manifests(project, attack, monkeypatch):
    """What is read again is named where it differs from the manifest, whatever that holds."""

    def act(folder):
        monkeypatch.chdir(folder)
        return list(verify.faults(folder / "run/.make/synth.out"))

    def check(case, value, expected):
        if not isinstance(value, Refusal) and not value:
            assert set(case.content.removeprefix(BOM).split(b"\n")) <= set(case.sound.split(b"\n"))

    attack(project, act, check, ["run/.make/synth.out"])


def test_marks_of_an_experiment(project, attack):
    """As the leaderboard and the report of a run read them."""

    def act(folder):
        made = made_by(folder / "run")
        for mark in made.values():
            assert changes.changed(mark, mark) == []
        return sorted(made), stage_seconds(folder / "run/.make")

    attack(project, act, None, ["run/.make/synth.made"])


def test_an_owner(attack, monkeypatch):
    """A changed note of who builds an experiment says nobody or somebody, and no process is ended for it."""
    mine = processes.identity(1)
    monkeypatch.setattr(locks, "end", lambda _: 0)

    def act(folder):
        try:
            locks.take_experiment(str(folder), 1, wait=False, say=print)
        except BadInput as error:
            assert "is being built by another make" in str(error)
            return "taken"
        return json.loads((folder / ".make/owner").read_bytes()) == mine

    def check(case, value, expected):
        assert value in (True, "taken") or isinstance(value, Refusal)

    attack({".make/owner": json.dumps(mine).encode()}, act, check)


def test_descriptions(attack):
    """What make says of its stages, with knobs of any letters in it."""
    text = f"noise\n@stage {FIRST}\n@stage {DESCRIPTION} knobs 'C=a b' D='\"x\"'\n".encode()

    def act(folder):
        lines = (folder / "stages.txt").read_text(errors="surrogateescape").split("\n")
        try:
            return [(stage, stage.target, stage.label, stage.outputs) for stage in described(lines)]
        except BadInput as error:
            assert "not the description of a stage" in str(error)
            raise BadInput(f"stages.txt: {error}") from error

    attack({"stages.txt": text}, act)
