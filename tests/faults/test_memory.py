"""Too little memory, by a limit on the address space: one line with the knob, and the rerun completes."""

import pytest

from machine import forget, make_under, manifest, require, require_named

pytestmark = [pytest.mark.attack("faults"), pytest.mark.slow]
MB = 1 << 20
STAGES = {
    "synth": ("synth", "SYNTH_BATCH_SIZE or SYNTH_PROCESSES"),
    "pretrain": ("pretrain", "PRETRAIN_BATCH_SIZE_PER_GPU"),
    "finetune": ("finetune", "GRADIENT_CHECKPOINTING=True"),
    "textvqa": ("eval", "EVAL_BATCH_SIZE"),
}


def starve(build, pristine, stage, megabytes):
    """Make ``stage`` in so little memory; it fails with its knob or succeeds, and the next make completes."""
    require("prlimit", "--as=1000000000", "true")
    goal, knob = STAGES[stage]
    forget(build, stage)
    done = make_under(["prlimit", f"--as={megabytes * MB}"], build, goal)
    if done.returncode:
        require_named(build, done, "memory", knob)
        build.make(goal)
    assert manifest(build, stage) == manifest(pristine, stage)
    return done.returncode


@pytest.mark.parametrize(
    ("stage", "megabytes"), [("synth", 800), pytest.param("pretrain", 1000, marks=pytest.mark.long)]
)
def test_a_stage_without_memory_names_its_knob_and_the_rerun_completes(build, pristine, stage, megabytes):
    assert starve(build, pristine, stage, megabytes) != 0


@pytest.mark.long
@pytest.mark.parametrize("megabytes", [600, 1000, 1400, 1800, 2400, 3000, 3600, 4200])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_with_any_little_memory_names_its_knob_or_succeeds(build, pristine, stage, megabytes):
    starve(build, pristine, stage, megabytes)
