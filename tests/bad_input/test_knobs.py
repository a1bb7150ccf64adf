"""A knob with a value that no stage can use is named before the first stage, and nothing is touched."""

import re
import subprocess
from pathlib import Path

import pytest

from attacks import require_refusal, run, untouched
from builds import ROOT, Build
from graph.check_knobs import KINDS, slips

pytestmark = pytest.mark.attack("bad input")
WHOLE = "must be a whole number from 1 to 1000000000"
VALUES = [
    ("a learning rate that is a word", "PRETRAIN_LEARNING_RATE=abc", "must be a number above 0, at most 1"),
    ("a learning rate that is no number", "FINETUNE_LEARNING_RATE=nan", "must be a number above 0"),
    ("a learning rate too large for a float", "PRETRAIN_LEARNING_RATE=1e999", "at most 1"),
    ("a learning rate of nothing", "PRETRAIN_LEARNING_RATE=0", "must be a number above 0"),
    ("a learning rate below nothing", "FINETUNE_LEARNING_RATE=-1e-3", "must be a number above 0"),
    ("a learning rate with a decimal comma", "FINETUNE_LEARNING_RATE=0,001", "must be a number above 0"),
    ("checkpoints at every zeroth step", "SAVE_STEPS=0", WHOLE),
    ("checkpoints at half steps", "SAVE_STEPS=1.5", WHOLE),
    ("an evaluation batch below nothing", "EVAL_BATCH_SIZE=-1", WHOLE),
    ("an evaluation batch that is empty", "EVAL_BATCH_SIZE=", "EVAL_BATCH_SIZE='' " + WHOLE),
    ("a share of bad records above all", "MAX_BAD_RECORDS=2", "must be a number from 0 to 1"),
    ("a share of bad records in percent", "MAX_BAD_RECORDS=1%", "must be a number from 0 to 1"),
    ("a cache of x gigabytes", "FEATURE_CACHE_GB=x", "must be a number from 0"),
    ("an infinite cache", "FEATURE_CACHE_GB=inf", "must be a number from 0"),
    ("a budget of no samples", "PRETRAIN_BUDGET=0", WHOLE),
    ("a budget with separators", "PRETRAIN_BUDGET=10_000", WHOLE),
    ("a budget in Arabic digits", "PRETRAIN_BUDGET=٣", WHOLE),
    ("a budget of a hundred digits", f"PRETRAIN_BUDGET={'9' * 100}", WHOLE),
    ("no number of GPUs", "NUM_GPUS=", "NUM_GPUS='' must be auto or a whole number from 1"),
    ("all GPUs", "NUM_GPUS=all", "must be auto or a whole number from 1"),
    ("a random seed of 33 bits", "RANDOM_SEED=4294967296", "a whole number from 1 to 4294967295"),
    ("a batch of half a sample", "PRETRAIN_GLOBAL_BATCH_SIZE=0.5", WHOLE),
    ("a batch in hexadecimal", "FINETUNE_GLOBAL_BATCH_SIZE=0x80", WHOLE),
    ("a batch per GPU of none", "FINETUNE_BATCH_SIZE_PER_GPU=none", "auto or a whole number from 1"),
    ("an image of no size", "IMAGE_SIZE_AUX=0", WHOLE),
    ("loaders below nothing", "DATALOADER_NUM_WORKERS=-4", "auto or a whole number from 0"),
    ("an unknown launcher", "LAUNCHER=mpirun", "must be deepspeed or torchrun or python"),
    ("an unknown way to read letters", "MMBENCH_PARSE=gpt", "must be exact or inferred"),
    ("an unknown executor", "EXECUTOR=spark", "must be default or ray"),
    ("an unknown fate of bad records", "ON_BAD_RECORD=skip", "must be fail or drop"),
    ("a truth of another language", "CUT_LONG_SAMPLES=yes", "must be True or False"),
    ("a truth in lower case", "GRADIENT_CHECKPOINTING=true", "must be True or False"),
    ("no processes of synthesis", "SYNTH_PROCESSES=0", WHOLE),
    ("no records at once", "SYNTH_BATCH_SIZE=0", WHOLE),
    ("no experiments side by side", "JOBS=0", WHOLE),
    ("pretraining maybe", "PRETRAIN=maybe", "must be yes or no"),
    ("two answers to one question", "PRETRAIN=yes no", "must be yes or no"),
    ("verbosity of a word", "V=loud", "must be empty or 0 or 1"),
    ("a hostfile that is gone", "HOSTFILE=hosts", "must be empty or a file that is there"),
    ("a hostfile that is a folder", "HOSTFILE=configs", "must be empty or a file that is there"),
    ("DeepSpeed's settings that are gone", "DEEPSPEED_CONFIG=zero9.json", "must be none or a file"),
    ("two random seeds", "RANDOM_SEED=1 2", "RANDOM_SEED='1 2' must be a whole number from 1"),
    ("a CLIP without a name", "SIMILARITY_MODEL=", "SIMILARITY_MODEL='' must be a path; leave it out"),
    ("a store without a name", "STORE=", "STORE='' must be a path; leave it out for the profile's own"),
    ("a seed without a name", "SEED=", "SEED='' must be a path"),
    ("questions without a name", "STAGE1=", "STAGE1='' must be a path"),
    ("evaluation sets without a name", "EVAL_DATA=", "EVAL_DATA='' must be a path"),
    ("a Ray cluster without an address", "RAY_ADDRESS=", "must be HOST:PORT or local"),
    ("a price below nothing", "RATE=-1", "must be empty or a number from 0"),
    ("more than a GPU's peak", "EFFICIENCY=1.5", "must be empty or a number above 0, at most 1"),
    ("half a GPU", "GPUS=.5", "must be empty or a whole number from 1"),
    ("a store in a path with a space", "STORE=my data/store.sqlite", "a path with a space is more than make"),
    ("a seed in a path with a space", "SEED=my dir/seed.jsonl", "a path with a space is more than make"),
]
NAMES = [
    ("a knob with two letters swapped", "RECIEPE=x", "RECIEPE is no knob; did you mean RECIPE?"),
    ("a knob in lower case", "recipe=x", "recipe is no knob; did you mean RECIPE?"),
    ("a long knob without a letter", "PRETRAIN_LERNING_RATE=1", "did you mean PRETRAIN_LEARNING_RATE?"),
    ("an unknown scale", "PROFILE=huge", "PROFILE=huge is unknown; there are: "),
    ("an unknown recipe", "RECIPE=none", "RECIPE=none is unknown; there are: "),
    ("a recipe file that is gone", "RECIPE=gone.yaml", "or give the path of a .yaml"),
    ("an experiment in a folder", "EXP=a/b", "EXP='a/b'"),
    ("an experiment above the runs", "EXP=..", "EXP='..'"),
    ("an experiment without a name", "EXP=", "EXP=''"),
]


@pytest.mark.parametrize(
    "knob, words", [row[1:] for row in VALUES + NAMES], ids=[r[0] for r in VALUES + NAMES]
)
def test_a_bad_knob_is_named_and_nothing_runs(pristine, knob, words):
    with untouched(pristine.folder):
        done = run(["make", "results", knob], pristine.folder)
        require_refusal(done, knob.partition("=")[0], words)
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    "goals", [["plan"], ["-n", "results"], ["sweep"], ["submission"], ["doctor"], ["-n", "clean-run"]]
)
def test_every_goal_refuses_and_all_bad_knobs_are_told_at_once(pristine, goals):
    with untouched(pristine.folder):
        done = run(["make", *goals, "SAVE_STEPS=0", "V=2", "LAUNCHER=x"], pristine.folder)
        require_refusal(done, "SAVE_STEPS='0'", "V='2'", "LAUNCHER='x'")


def test_a_bad_knob_of_the_environment_or_a_profile_is_refused_too(pristine, build):
    done = run(["make", "plan"], pristine.folder, env={"SAVE_STEPS": "none"})
    require_refusal(done, "SAVE_STEPS='none'", WHOLE)
    profile = build.folder / "configs/demo.mk"
    profile.write_text(profile.read_text().replace("SAVE_STEPS ?= 100", "SAVE_STEPS ?= hundred"))
    done = run(["make", "plan"], build.folder)
    require_refusal(done, "SAVE_STEPS='hundred'", WHOLE)


def test_the_outermost_good_values_pass(pristine):
    good = {"PRETRAIN_LEARNING_RATE": "1", "FINETUNE_LEARNING_RATE": ".5e-3", "FEATURE_CACHE_GB": "0"}
    good |= {"MAX_BAD_RECORDS": "1", "RANDOM_SEED": "4294967295", "NUM_GPUS": "auto", "GPUS": "", "JOBS": "1"}
    good |= {"DATALOADER_NUM_WORKERS": "0", "V": "0", "DEEPSPEED_CONFIG": "none", "EFFICIENCY": "1"}
    done = pristine.make("plan", **good)
    assert "learning" not in done.stderr and "results.json" in done.stdout


def test_every_knob_that_is_a_number_or_a_word_out_of_few_has_a_kind():
    texts = "".join(path.read_text() for path in [ROOT / "Makefile", *(ROOT / "configs").glob("*.mk")])
    knobs = dict(re.findall(r"^([A-Z0-9_]+) \?= ?(.*)$", texts, re.MULTILINE))
    few = {name for name, value in knobs.items() if re.fullmatch(r"[0-9.e-]+|True|False|auto|yes|no", value)}
    assert len(few) > 15 and few <= KINDS.keys()
    assert KINDS.keys() <= knobs.keys()


@pytest.mark.parametrize(
    "name, knob",
    [
        ("PRETRAIN_LERNING_RATE", "PRETRAIN_LEARNING_RATE"),
        ("NUM_GPU", "NUM_GPUS"),
        ("RANDOM_SEDE", "RANDOM_SEED"),
        ("HOME", None),
        ("PYTHON_VERSION", None),
        ("NUM_THREADS", None),
        ("RANDOM_SEED", None),
    ],
)
def test_a_name_in_the_environment_that_is_nearly_a_knobs_is_warned_of(name, knob):
    told = slips([name], [*KINDS, "PROFILE", "RECIPE"])
    assert told == ([f"{name}, which is no knob; {knob} is"] if knob else [])


def test_the_warning_comes_with_the_plan(pristine):
    done = run(["make", "plan"], pristine.folder, env={"PRETRAIN_LERNING_RATE": "1"})
    assert done.returncode == 0
    assert (
        "warning: the environment has PRETRAIN_LERNING_RATE, which is no knob; PRETRAIN_LEARN" in done.stderr
    )


def test_a_file_that_a_knob_names_and_that_is_gone_is_named(pristine):
    with untouched(pristine.folder):
        done = run(["make", "results", "SEED=gone.jsonl"], pristine.folder)
        require_refusal(done, "gone.jsonl: no such file; correct the knob that names it")


def test_a_project_in_a_path_with_a_space_is_refused(tmp_path):
    build = Build.new(tmp_path / "my project")
    require_refusal(
        run(["make", "results"], build.folder), "a path with a space is more than make can handle"
    )


def test_a_python_that_is_none_is_named(tmp_path):
    Path(tmp_path / "python").write_text("no program")
    for python in ("no-such-python", str(tmp_path / "python")):
        done = run(
            [str(ROOT / "scripts/download.sh"), "--output", "a", "b"], tmp_path, env={"PYTHON": python}
        )
        require_refusal(done, python)


def test_make_without_python_says_so(pristine, tmp_path):
    for name in ("bash", "sed", "env", "dirname"):
        (tmp_path / name).symlink_to(subprocess.check_output(["which", name], text=True).strip())
    make = subprocess.check_output(["which", "make"], text=True).strip()
    (build := Build.new(tmp_path / "project")).folder.joinpath(".venv/bin").unlink()
    done = run([make, "results"], build.folder, env={"PATH": str(tmp_path)})
    require_refusal(done, "python3 is missing; install Python 3.11 with its venv module")
