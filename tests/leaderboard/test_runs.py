"""A run is read whole or refused by name: its answers, its losses, and the marks of what made it."""

import re

import pytest

from errors import BadInput
from json_files import read_json, write_json, write_jsonl
from leaderboard.runs import read_answers, read_run
from shapes import STAGES
from sweeps import change, change_mark, without_pretraining, write_mark, write_run

SCORES = {"textvqa": {"a": 1.0, "b": 0.3}, "mmbench": {"0": 0.0, "1": 1.0, "2": 1.0, "3": 1.0}}


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path, "mine", 1, **SCORES)


def test_a_run_has_its_scores_losses_and_marks(folder):
    run = read_run("shown as", 1, folder)
    assert (run.recipe, run.random_seed, run.folder) == ("shown as", 1, folder)
    assert run.scores == SCORES
    assert {stage: len(steps) for stage, steps in run.losses.items()} == {"pretrain": 20, "finetune": 10}
    assert set(run.made) == set(STAGES)
    assert run.synthesis == folder


def cut(path):
    text = path.read_text()
    path.write_text(text[: len(text) // 2])


def rescore(folder, test, **per_question):
    path = folder / "eval" / test / "score.json"
    change(path, per_question=read_json(path)["per_question"] | per_question)


def retell(folder, value):
    scores = read_json(folder / "results.json")["scores"]
    change(folder / "results.json", scores=scores | {"mmbench": {"accuracy": value}})


@pytest.mark.parametrize(
    "broken, words",
    [
        (lambda f: (f / "results.json").unlink(), "mine-s1: not made yet; 'make sweep' makes it"),
        (lambda f: cut(f / "results.json"), "results.json: not valid JSON"),
        (lambda f: write_json(f / "results.json", []), "results.json: lacks profile, experiment, "),
        (lambda f: change(f / "results.json", scores=[1, 2]), "results.json: lacks scores"),
        (lambda f: change(f / "results.json", scores={}), "results.json: lacks a test's accuracy"),
        (lambda f: change(f / "results.json", training=None), "results.json: lacks training"),
        (lambda f: write_json(f / "results.json", {"data": None}), "lacks profile, experiment, recipe, rand"),
        (lambda f: retell(f, None), "results.json: lacks a test's accuracy; make it again with 'make sweep'"),
        (lambda f: retell(f, 74.9), "says 74.9 for mmbench, its questions 75.00"),
        (lambda f: retell(f, float("nan")), "scores.mmbench.accuracy must be a number, not nan"),
        (lambda f: change(f / "results.json", random_seed=2), "is of random seed 2, not 1"),
        (
            lambda f: (f / "eval/mmbench/score.json").unlink(),
            "mmbench/score.json: missing, the run is half m",
        ),
        (lambda f: cut(f / "eval/textvqa/score.json"), "textvqa/score.json: not valid JSON"),
        (lambda f: write_json(f / "eval/textvqa/score.json", [1]), "holds no scores per question"),
        (lambda f: change(f / "eval/textvqa/score.json", per_question={}), "holds no scores per question"),
        (lambda f: rescore(f, "textvqa", b=1.5), "textvqa/score.json: question b scores 1.5, not 0 to 1"),
        (lambda f: rescore(f, "textvqa", b=-0.3), "question b scores -0.3, not 0 to 1"),
        (lambda f: rescore(f, "textvqa", b=float("nan")), "question b scores nan, not 0 to 1"),
        (lambda f: rescore(f, "textvqa", b="right"), "question b scores 'right', not 0 to 1"),
        (lambda f: rescore(f, "textvqa", c=1.0), "says 65.0 for textvqa, its questions 76.67"),
        (lambda f: cut(f / ".make/textvqa.made"), "textvqa.made: not readable as a mark"),
        (lambda f: (f / ".make/pretrain.made").unlink(), "mine-s1: pretrain was begun again"),
        (
            lambda f: (f / ".make/mmbench.made").unlink(),
            "mmbench was begun again and is not made; 'make sweep'",
        ),
    ],
)
def test_a_run_that_is_not_whole_is_refused_by_name(folder, broken, words):
    read_run("mine", 1, folder)
    broken(folder)
    with pytest.raises(BadInput, match=re.escape(words)) as error:
        read_run("mine", 1, folder)
    assert str(folder) in str(error.value)


def test_a_run_without_pretraining_lacks_no_mark_and_has_the_losses_of_finetuning_alone(folder):
    run = read_run("mine", 1, without_pretraining(folder))
    assert set(run.made) == {"finetune", "textvqa", "mmbench"}
    assert set(run.losses) == {"finetune"}


def test_a_run_that_the_graph_did_not_make_has_no_marks(folder):
    for stage in STAGES:
        (folder / ".make" / f"{stage}.made").unlink()
    assert read_run("mine", 1, folder).made == {}


def test_the_mark_of_a_shared_synthesis_is_found_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_run(tmp_path, "mine", 1)
    (folder / ".make/synth.made").unlink()
    write_mark(tmp_path / "runs/demo/mine-synth", "synth", 1, {"SEED": "other/seed.jsonl"})
    assert "synth" not in read_run("mine", 1, folder).made
    change_mark(folder, "convert", inputs={"runs/demo/mine-synth/.make/synth": "d"})
    run = read_run("mine", 1, folder)
    assert run.made["synth"]["knobs"]["SEED"] == "other/seed.jsonl"
    assert str(run.synthesis) == "runs/demo/mine-synth"


def test_textvqa_without_ocr_tokens_is_read_from_textvqas_folder(folder):
    result = read_json(folder / "results.json")
    tests = {"textvqa_pure": "textvqa", "mmbench": "mmbench"}
    change(folder / "results.json", scores={test: result["scores"][old] for test, old in tests.items()})
    run = read_run("mine", 1, folder)
    assert run.scores == {test: SCORES[old] for test, old in tests.items()}
    assert {question: line["text"] for question, line in read_answers(run, "textvqa_pure").items()} == {
        "a": "1",
        "b": "0.3",
    }


def test_losses_are_those_of_steps_and_none_without_a_log(folder):
    log = [{"step": 1, "loss": 3.5}, {"step": 2, "loss": 2.5}, {"step": 2, "train_runtime": 9.0}]
    write_json(folder / "pretrain/trainer_state.json", {"log_history": log})
    (folder / "finetune/trainer_state.json").unlink()
    assert read_run("mine", 1, folder).losses == {"pretrain": [3.5, 2.5], "finetune": []}


def test_of_the_circular_variants_of_a_question_the_first_answer_is_shown(folder):
    lines = [{"question_id": q, "text": text} for q, text in ((2, "A"), (1_000_002, "B"), (3, "C"))]
    write_jsonl(folder / "eval/mmbench/answers.jsonl", lines)
    answers = read_answers(read_run("mine", 1, folder), "mmbench")
    assert {question: line["text"] for question, line in answers.items()} == {"2": "A", "3": "C"}
