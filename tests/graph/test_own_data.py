"""A user's own files in the graph: which stages they need, and which they replace."""

import os
import subprocess
from pathlib import Path

import pytest

from graph.stages import Stage, described

ROOT = Path(__file__).resolve().parents[2]


def stages(*goals: str, **knobs: str) -> dict[str, Stage]:
    """The stages behind ``goals`` by their name, without the experiment's."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    command = ["make", "-n", "DESCRIBE=yes", *goals, *(f"{name}={value}" for name, value in knobs.items())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return {Path(stage.mark).name: stage for stage in described(done.stdout.splitlines())}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for name in ("mine.jsonl", "mine.json", "asked.json"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("seed", "stage1", "reads", "profile_seed"),
    [
        ("mine.json", None, [], False),
        ("mine.jsonl", "none", [], False),
        ("mine.json", "none", [], False),
        ("mine.jsonl", "asked.json", ["asked.json"], False),
        ("mine.jsonl", None, [], True),
    ],
)
def test_the_conversion_needs_the_profiles_set_only_for_questions_that_it_alone_has(
    own, seed, stage1, reads, profile_seed
):
    given = {"SEED": str(own / seed), "PROFILE": "10k", "BASELINE_EXP": ""}
    if stage1:
        given["STAGE1"] = stage1 if stage1 == "none" else str(own / stage1)
    found = stages("runs/10k/default/.make/convert", **given)
    convert = found["convert"]
    assert [path for path in convert.reads if path.endswith(".json")] == [str(own / path) for path in reads]
    inputs = {Path(path).name for path in convert.inputs}
    assert ("seed_set" in inputs) == profile_seed and "own_SEED" in inputs
    assert not profile_seed or list(found).index("seed_set") < list(found).index("own_SEED")


@pytest.mark.parametrize(
    ("profile", "knob", "refused"),
    [("10k", "EVAL_DATA", True), ("10k", "SEED", False), ("demo", "EVAL_DATA", False)],
)
def test_an_official_submission_with_a_finetuning_or_evaluation_set_of_ones_own_is_refused(
    own, profile, knob, refused
):
    given = {knob: str(own / "mine.json"), "PROFILE": profile, "BASELINE_EXP": ""}
    if not refused:
        assert "submission" in stages("submission", **given)
        return
    with pytest.raises(subprocess.CalledProcessError) as error:
        stages("submission", **given)
    assert "EVAL_DATA: the challenge fixes the finetuning and evaluation sets" in error.value.stderr


def test_synthesis_alone_asks_for_no_questions(own):
    given = {"SEED": str(own / "mine.jsonl"), "PROFILE": "10k", "BASELINE_EXP": ""}
    assert "seed_set" in stages("results", **given) and "seed_set" not in stages("synth", **given)
