"""What the shell would run in a knob, a file's name or a hostfile; and what a knob may not give away."""

import pytest

from attacks import cases, require_refusal, run, untouched
from builds import TRAINING_FLAGS

pytestmark = pytest.mark.attack("security")

TOUCH = "touch${IFS}mark"
RUN_BY_A_SHELL = {
    "a second command": f"a;{TOUCH}",
    "a command in brackets": f"a$({TOUCH})",
    "a command in backquotes": f"a`{TOUCH}`",
    "a command in the background": f"a&{TOUCH}",
    "a command at a pipe's end": f"a|{TOUCH}",
    "a command on its own line": f"a\n{TOUCH}",
    "a file to write": "a>mark",
    "a file to read": "a<Makefile",
    "a quote that opens": "a'b",
    "a double quote that opens": 'a"b',
    "a backslash": "a\\",
    "a bracket": "a(b",
}


def value(text: str) -> str:
    """``text`` as make takes it on its command line: there a dollar is written twice."""
    return text.replace("$", "$$")


@pytest.mark.parametrize("text", RUN_BY_A_SHELL.values(), ids=RUN_BY_A_SHELL)
def test_a_name_that_the_shell_would_run_is_refused(project, text):
    with untouched(project.folder):
        done = run(["make", "clean-run", f"EXP={value(text)}"], project.folder)
    require_refusal(done, "EXP=", "means something to the shell; rename or leave it out")


KNOBS = "RECIPE SEED STAGE1 FINETUNE_DATA EVAL_DATA STORE HOSTFILE FEATURE_CACHE DEEPSPEED_CONFIG"
KNOBS += " NUM_GPUS GPU RATE RECIPES RANDOM_SEEDS SYNTH_EXP BASELINE_EXP FINETUNE_LEARNING_RATE"
KNOBS += " RAY_ADDRESS PRUNE LAUNCHER"


def test_no_knob_that_stands_in_a_command_takes_one(project, record_property):
    cases(record_property, 2 * len(KNOBS.split()))
    with untouched(project.folder):
        for knob in KNOBS.split():
            done = run(["make", "help", f"{knob}={value(f'a;{TOUCH}')}"], project.folder)
            require_refusal(done, knob, "means something to the shell")
            done = run(["make", "help"], project.folder, {knob: value(f"a`{TOUCH}`")})
            require_refusal(done, knob, "means something to the shell")


def test_names_as_people_give_them_are_taken(project):
    knobs = [
        "EXP=a-b_c.1 d",
        "STORE=data/größer+猫.sqlite",
        "RECIPE=seed",
        "RAY_ADDRESS=[::1]:6379",
        "RATE=1.5",
    ]
    done = run(["make", "clean-run", *knobs, "GPU=A100:312:80"], project.folder)
    assert done.returncode == 0, done.stderr


QUOTED = (
    "A",
    "B",
    "TARGET",
    "ZIP",
    "MIRROR",
    "TORCH_INDEX",
    "SOURCE_BASE",
    "REDIRECT_HOSTS",
    "SOURCE.gemma-2b-it",
)


def test_what_may_hold_anything_stands_quoted(project, record_property):
    """Addresses and paths with brackets, ampersands and quotes are no mistake; and they run nothing."""
    cases(record_property, len(QUOTED))
    text = f"http://host/a?b=(1)&c='2';{TOUCH}`{TOUCH}`$({TOUCH})"
    knobs = [f"{knob}={value(text)}" for knob in QUOTED]
    for goals in (
        ["check-submission"],
        ["compare"],
        ["why"],
        ["models", "PROFILE=10k", "DESCRIBE=yes", "-n"],
    ):
        run(["make", *goals, *knobs], project.folder, {"PATH": "/usr/bin:/bin"})
        assert not list(project.folder.glob("*mark*")), goals


@pytest.mark.parametrize("where", ["the recipe's own folder", "a folder of operators"])
def test_a_file_that_a_recipe_names_is_no_command(project, tmp_path, where):
    """`make plan` looks at the operators' files: a recipe out of an archive brings their names."""
    name, inside = f"$({TOUCH}).py", "ops" if "operators" in where else "."
    (tmp_path / inside).mkdir(exist_ok=True)
    (tmp_path / inside / name).write_text("")
    listed = "ops" if inside == "ops" else name
    (tmp_path / "own.yaml").write_text(f'custom_operator_paths: ["{listed}"]\nprocess: []\n')
    with untouched(project.folder):
        done = run(["make", "plan", f"RECIPE={tmp_path}/own.yaml"], project.folder)
    require_refusal(done, "own.yaml names a file", "means something to the shell")
    (tmp_path / inside / name).rename(tmp_path / inside / "plain.py")
    (tmp_path / "own.yaml").write_text(
        f"custom_operator_paths: [{listed if inside == 'ops' else 'plain.py'}]\n"
    )
    assert (
        "plain.py"
        in run(["make", "-n", "DESCRIBE=yes", "synth", f"RECIPE={tmp_path}/own.yaml"], project.folder).stdout
    )


HOSTS = {
    "an option of ssh that runs a command": "-oProxyCommand=touch${IFS}mark slots=1",
    "a command": "$(touch${IFS}mark) slots=1",
    "a path": "../host slots=1",
}


@pytest.mark.parametrize("line", HOSTS.values(), ids=HOSTS)
def test_a_line_of_a_hostfile_is_a_host(project, tmp_path, line):
    (tmp_path / "hosts").write_text(f"{line}\n")
    (tmp_path / "ssh").write_text("#!/bin/sh\ntouch mark\n")
    (tmp_path / "ssh").chmod(0o755)
    flags = [*TRAINING_FLAGS, "--hostfile", "hosts"]
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = run(["bash", str(project.folder / "scripts/pretrain.sh"), *flags], tmp_path, path)
    require_refusal(done, "hosts: '", "is no host's name; correct its line")
    doctor = ["make", "doctor", f"HOSTFILE={tmp_path}/hosts", "DOCTOR_FLAGS=--no-build"]
    assert "is not 'HOST slots=NUMBER'" in run(doctor, project.folder, path).stdout
    assert not (tmp_path / "mark").exists() and not (project.folder / "mark").exists()
    (tmp_path / "hosts").write_text("gpu-1.example.org slots=1\n")
    run(["bash", str(project.folder / "scripts/pretrain.sh"), *flags], tmp_path, path)
    assert (tmp_path / "mark").exists(), "ssh asks a sound host"


SECRET = "canary-of-an-index"


@pytest.mark.parametrize(
    ("goal", "knob"),
    [("env", "TORCH_INDEX"), ("leaderboard", "MIRROR"), ("leaderboard", "SOURCE.gemma-2b-it")],
)
def test_users_passwords_and_queries_are_not_recorded(project, goal, knob):
    """A stage's knobs are kept in its mark, and told by `make plan` and `make why`."""
    address = f"{knob}=https://me:{SECRET}@host.example/simple?token={SECRET}"
    done = run(["make", "-n", "DESCRIBE=yes", goal, address], project.folder)
    assert f"{knob}=https://host.example/simple" in done.stdout and SECRET not in done.stdout, done.stderr
