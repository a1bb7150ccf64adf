"""What recipes cost: questions to models, their operations, minutes; nothing is made up where marks lack."""

from pathlib import Path

import pytest

from leaderboard.costs import cost_of, model_calls
from leaderboard.runs import Run

PER_CALL = {"captions": 100, "similarities": 10, "matches": 1}


def step(op, records):
    return {"op": op, "in": records, "out": records, "changed": 0}


SWAP = [
    step("blip_image_text_matching_filter", 60),
    step("threshold_selector", 60),
    step("clip_image_text_similarity_filter", 45),
    step("blip2_caption_mapper", 45),
    step("clip_image_text_similarity_filter#2", 45),
    step("clip_cluster_mapper", 45),
    step("rapidocr_mapper", 30),
]


def run(minutes=(), flops=(), steps=(), notes=None, data=True, shared=False):
    """A run with the minutes of its stages by name, and the operations of its trainings."""
    made = {stage: {"seconds": 60.0 * some} for stage, some in dict(minutes).items()}
    if shared and "convert" in made:
        made["convert"]["inputs"] = {"runs/demo/x-synth/.make/synth": "d"}
    training = {stage: count and {"flop": count} for stage, count in dict(flops).items()}
    summary = {"steps": list(steps), "notes": notes or {}} if data else None
    return Run("", 1, Path(), {"data": summary, "training": training}, {}, made)


@pytest.mark.parametrize(
    "steps, notes, calls",
    [
        ([], {}, {}),
        ([step("threshold_selector", 60)], {"caption_check": {"ok": 3}}, {}),
        ([step("blip2_caption_mapper", 60)], {"caption_check": {"ok": 58, "short": 2}}, {"captions": 60}),
        ([step("image_captioning_mapper", 60)], {}, {"captions": 60}),
        (
            SWAP,
            {"caption_check": {"ok": 25, "not asked": 20}},
            {"matches": 60, "similarities": 90, "captions": 25, "images read": 30},
        ),
        ([step("blip2_caption_mapper", 60)], {"caption_check": {"not asked": 60}}, {"captions": 0}),
    ],
)
def test_questions_to_models_are_counted_by_steps_less_those_not_asked(steps, notes, calls):
    assert model_calls(steps, notes) == calls


def test_operations_of_synthesis_are_those_of_the_calls():
    notes = {"caption_check": {"not asked": 20}}
    found = cost_of([run(steps=SWAP, notes=notes)], PER_CALL)
    assert found["synthesis_flop"] == 25 * 100 + 90 * 10 + 60 * 1
    assert found["model_calls"]["images read"] == 30, "counted, though its operations are not known"


@pytest.mark.parametrize("shared, minutes", [(True, 12), (False, 17.5)])
def test_minutes_are_of_the_longest_synthesis_and_the_mean_run(shared, minutes):
    stages = {"convert": 1, "pretrain": 4, "finetune": 3, "textvqa": 1, "mmbench": 1}
    runs = [
        run({"synth": 9} | stages, shared=shared),
        run({"synth": 2} | stages | {"pretrain": 8}, shared=shared),
    ]
    found = cost_of(runs, PER_CALL)
    assert (found["synthesis_minutes"], found["run_minutes"]) == pytest.approx((9, minutes))


def test_a_run_without_marks_does_not_count_in_the_minutes():
    found = cost_of([run(), run({"finetune": 3, "textvqa": 1, "mmbench": 1})], PER_CALL)
    assert found["run_minutes"] == pytest.approx(5)
    assert found["synthesis_minutes"] is None


def test_operations_of_training_are_the_mean_over_runs_of_both_trainings():
    runs = [run(flops={"pretrain": 10, "finetune": 4}), run(flops={"pretrain": None, "finetune": 6})]
    assert cost_of(runs, PER_CALL)["training_flop"] == 10


def test_what_is_not_known_is_none_and_without_data_nothing_was_asked():
    uncounted = Run("", 1, Path(), {"data": None, "training": {"finetune": {"steps": 3}}}, {}, {})
    assert cost_of([uncounted], PER_CALL) == {
        "model_calls": {},
        "synthesis_flop": 0,
        "synthesis_minutes": None,
        "training_flop": None,
        "run_minutes": None,
    }
