"""Knobs with any characters in them: make tells the stage what was given, or refuses the knob by its name."""

import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import attacks
from graph.stages import described

pytestmark = pytest.mark.attack("mutations")

ROOT = Path(__file__).resolve().parents[2]
KNOBS = ("EXP", "RECIPE", "SEED", "RANDOM_SEED", "FINETUNE_LEARNING_RATE", "STORE", "PROFILE")
# What make itself expands, $(shell …), is meant by whoever types it; no shell behind it may see the rest.
RUN = ("`touch {0}`", "$$(touch {0})", ";touch {0};", "'; touch {0} #", '"; touch {0} #', "\n\ttouch {0}")
RUN += ("|touch {0}", "&touch {0}&", "{0}")
values = st.one_of(
    st.sampled_from(RUN),
    st.text("aZ1.-_/ $#%*?~'\"\\`;|&<>(){}[]!=:,@^\t\né猫\u2028", min_size=1, max_size=12),
)


def test_knobs(tries, tmp_path):
    canary = tmp_path / "ran"

    @seed(zlib.crc32(b"knobs"))
    @settings(
        max_examples=tries,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(KNOBS), values)
    def one(knob: str, value: str) -> None:
        given_value = value.replace("{0}", str(canary))
        done = attacks.run(["make", "-n", "DESCRIBE=yes", "results", f"{knob}={given_value}"], ROOT)
        assert not canary.exists(), "the value was run"
        if done.returncode:
            attacks.require_refusal(done)
            told = knob in done.stderr or given_value.strip() in done.stderr  # or a knob that is made of it
            assert told or "$" in given_value, done.stderr
        else:
            told = {stage.knobs[knob] for stage in described(done.stdout.splitlines()) if knob in stage.knobs}
            as_given = {given_value, given_value.strip(), Path(given_value).stem}
            assert told <= as_given or "$" in given_value, f"{told} was told"

    one()
