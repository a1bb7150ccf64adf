"""Single changes to a finished build, each with the exact set of stages that must run, by real make runs."""

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from functools import partial

import pytest

from builds import Build, stages_in

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
EVALUATION = {"textvqa", "mmbench"}
FROM_FINETUNE = {"finetune", *EVALUATION, "results"}
FROM_PRETRAIN = {"pretrain", *FROM_FINETUNE}
FROM_CONVERT = {"convert", *FROM_PRETRAIN}
FROM_SYNTH = {"synth", *FROM_CONVERT}
MODEL_READERS = {"pretrain", "finetune", *EVALUATION}
RUN = "runs/demo/default"


def edit(path: str, change: Callable[[str], str]) -> Callable[[Build], None]:
    def apply(build: Build) -> None:
        file = build.folder / path
        before = file.read_text()
        file.write_text(change(before))
        assert file.read_text() != before, f"{path} is as it was"

    return apply


def append(path: str, text: str) -> Callable[[Build], None]:
    return edit(path, lambda before: before + text)


def comment(path: str) -> Callable[[Build], None]:
    return edit(path, lambda before: "# another word\n" + before)


def code(path: str) -> Callable[[Build], None]:
    return append(path, "\nUNUSED = 1\n" if path.endswith(".py") else "\n: a step without effect\n")


def delete(path: str) -> Callable[[Build], None]:
    return lambda build: (build.folder / path).unlink()


def cut(path: str) -> Callable[[Build], None]:
    def apply(build: Build) -> None:
        file = build.folder / path
        os.truncate(file, file.stat().st_size // 2)

    return apply


def flip(path: str) -> Callable[[Build], None]:
    """Other bytes of the same length."""

    def apply(build: Build) -> None:
        file = next(build.folder.glob(path))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    return apply


def locked(name: str) -> Callable[[Build], None]:
    """Another version of a package in the lock file."""
    other = partial(re.sub, rf"^({name}==)\S+", r"\g<1>99.0", flags=re.M)
    return edit("env/requirements.lock", lambda text: other(string=text))


def touch_all(build: Build) -> None:
    for path in build.folder.rglob("*"):
        if not path.is_symlink():
            path.touch()


def scramble_times(build: Build) -> None:
    """Times in any order, of any year: as after a copy that kept none, or under a clock that was set back."""
    draw = random.Random(1)
    for path in build.folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (draw.uniform(0, 4e9),) * 2)


def move_checkout(build: Build) -> None:
    elsewhere = build.folder.with_name("elsewhere")
    shutil.copytree(build.folder, elsewhere, symlinks=True, copy_function=shutil.copy)
    shutil.rmtree(build.folder)
    build.folder = elsewhere


def put_checkpoint(build: Build) -> None:
    """A complete checkpoint of other inputs, and no projector: the training must not go on from it."""
    folder = build.run() / "pretrain/checkpoint-3"
    folder.mkdir()
    (folder / "complete.json").write_text(json.dumps({"fingerprint": "of another run", "files": {}}))
    (build.run() / "pretrain/mm_projector.bin").unlink()


def rename_run(build: Build) -> None:
    build.run().rename(build.run("other"))
    build.knobs = build.knobs | {"EXP": "other"}


def own_recipe(build: Build) -> None:
    shutil.copy(build.folder / "configs/recipes/seed.yaml", build.folder / "mine.yaml")
    build.knobs = build.knobs | {"RECIPE": "mine.yaml"}


def reindent_deepspeed(build: Build) -> None:
    file = build.folder / "configs/zero2.json"
    file.write_text(json.dumps(json.loads(file.read_text()), indent=7))


def knobs(**values: str) -> Callable[[Build], None]:
    def apply(build: Build) -> None:
        build.knobs = build.knobs | values

    return apply


def environment(**values: str) -> Callable[[Build], None]:
    def apply(build: Build) -> None:
        plain = build.environment
        build.environment = lambda **more: plain(**values, **more)

    return apply


def nothing(_: Build) -> None:
    pass


CHANGES = {
    # what a checkout, a copy or a clock does
    "nothing": (nothing, set()),
    "every file touched": (touch_all, set()),
    "every time scrambled": (scramble_times, set()),
    "a fresh checkout, outputs moved in": (move_checkout, set()),
    "the experiment renamed": (rename_run, {"results"}),
    "the Makefile's comment": (comment("Makefile"), set()),
    "a test, the README": (lambda build: (build.folder / "README.md").write_text("new"), set()),
    # knobs, from each place
    "a knob of synthesis that changes speed only": (knobs(SYNTH_BATCH_SIZE="7"), set()),
    "a knob of training that changes speed only": (knobs(DATALOADER_NUM_WORKERS="1"), set()),
    "the random seed": (knobs(RANDOM_SEED="7"), FROM_CONVERT),
    "the budget": (knobs(PRETRAIN_BUDGET="24"), FROM_CONVERT),
    "another recipe": (knobs(RECIPE="recaption"), FROM_SYNTH),
    "the pretraining's learning rate": (knobs(PRETRAIN_LEARNING_RATE="2e-3"), FROM_PRETRAIN),
    "the finetuning's learning rate": (knobs(FINETUNE_LEARNING_RATE="5e-4"), FROM_FINETUNE),
    "no pretraining": (knobs(PRETRAIN="no"), FROM_FINETUNE),
    "a knob of evaluation, in the environment": (environment(EVAL_BATCH_SIZE="7"), {*EVALUATION, "results"}),
    "a knob of one test, in the profile": (
        edit("configs/demo.mk", lambda text: text.replace("?= inferred", "?= exact")),
        {"mmbench", "results"},
    ),
    "the profile's comment": (comment("configs/demo.mk"), set()),
    # recipes
    "a recipe's comment": (comment("configs/recipes/seed.yaml"), set()),
    "a recipe's layout": (
        edit("configs/recipes/seed.yaml", lambda text: text.replace(": []", ":   [ ]")),
        set(),
    ),
    "a recipe's value": (append("configs/recipes/seed.yaml", "text_keys: [text]\n"), {"synth"}),
    "the same recipe in a file of one's own": (own_recipe, {"synth", "results"}),
    # scripts, modules and configurations
    "an operator": (code("py/ops/answers.py"), {"synth"}),
    "the synthesis's shell step": (code("scripts/synth.sh"), {"synth"}),
    "the conversion": (code("py/dj_to_llava.py"), {"convert"}),
    "a module of the model": (code("py/mgm/mining.py"), MODEL_READERS),
    "a comment in a module of the model": (comment("py/mgm/mining.py"), set()),
    "a module of the training": (code("py/mgm/training/watch.py"), {"pretrain", "finetune"}),
    "the pretraining's shell step": (code("scripts/pretrain.sh"), {"pretrain"}),
    "DeepSpeed's layout": (reindent_deepspeed, set()),
    "DeepSpeed's value": (
        edit("configs/zero2.json", lambda text: text.replace("{", '{"wall_clock_breakdown": true,', 1)),
        {"pretrain", "finetune"},
    ),
    "a scorer": (code("py/score_mmbench.py"), {"mmbench"}),
    "the rendering of results": (code("py/show_results.py"), {"results"}),
    "the world": (code("py/world/questions.py"), {"world"}),
    "the stand-ins": (code("py/world/shipped.py"), {"standins"}),
    "what everything imports": (code("py/records.py"), {"standins", "world", *FROM_SYNTH}),
    "the graph's own code": (code("py/graph/plan.py"), set()),
    # packages
    "a package of synthesis": (locked("datasets"), {"env", "synth", "results"}),
    "a package of training": (locked("accelerate"), {"env", "pretrain", "finetune"}),
    "a package of the tests": (locked("pytest"), {"env"}),
    "a comment in the lock file": (comment("env/requirements.lock"), {"env"}),
    # data
    "an image's bytes": (flip("data/demo/seed/images/*/*"), {"world"}),
    "a seed line": (flip("data/demo/seed/*.jsonl"), {"world"}),
    # outputs
    "synth.jsonl changed by hand": (flip(f"{RUN}/synth.jsonl"), {"synth"}),
    "the ledger deleted": (delete(f"{RUN}/ledger.jsonl"), {"synth"}),
    "the projector deleted": (delete(f"{RUN}/pretrain/mm_projector.bin"), {"pretrain"}),
    "the checkpoint cut short": (cut(f"{RUN}/finetune/model.safetensors"), {"finetune"}),
    "the answers cut short": (cut(f"{RUN}/eval/textvqa/bm1.jsonl"), {"textvqa"}),
    "a score deleted": (delete(f"{RUN}/eval/mmbench/score.json"), {"mmbench"}),
    "a checkpoint of other inputs": (put_checkpoint, {"pretrain"}),
    "a mark deleted": (delete(f"{RUN}/.make/convert.made"), {"convert"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_single_change_runs_exactly_the_stages_that_it_concerns(build, name):
    change, expected = CHANGES[name]
    change(build)
    planned = build.planned()
    assert (planned == ["up to date"]) == (not expected), planned
    assert build.make("results", "-q", check=False).returncode == (1 if expected else 0)
    assert stages_in(build.make("results").stdout) == expected
    assert build.planned() == ["up to date"], "what ran is current"
    if name == "a checkpoint of other inputs":
        assert (
            "checkpoint-3 belongs to other inputs or settings; set aside"
            in (build.run() / ".make/pretrain.log").read_text()
        )


def test_ones_own_seed_set_counts_by_its_lines_and_its_images(build):
    own = build.folder / "own"
    shutil.copytree(build.folder / "data/demo/seed", own)
    seed = next(own.glob("*.jsonl"))
    mine = build.with_knobs(SEED=f"own/{seed.name}", STAGE1="own/stage_1.json")
    same_weights = {"own_SEED", "synth", "convert", "pretrain", "results"}
    assert mine.stages("results") == same_weights
    touch_all(mine)
    assert mine.stages("results") == set()
    image = sorted((own / "images").rglob("*.jpg"))[0]
    image.write_bytes(sorted((own / "images").rglob("*.jpg"))[1].read_bytes())
    assert f"run runs/demo/default/own_SEED.txt: own/{image.relative_to(own)}" in mine.planned()[0]
    assert mine.stages("synth") == {"own_SEED", "synth"}
    first, *rest = seed.read_text().splitlines()
    record = json.loads(first)
    changed = record | {"text": record["text"].replace(" <|", " again <|")}
    seed.write_text("\n".join([json.dumps(changed), *rest]) + "\n")
    assert mine.stages("synth") == {"own_SEED", "synth"}


def test_clean_synth_redoes_the_data_and_nothing_after_it(build):
    build.make("clean-synth")
    assert not (build.run() / "synth.jsonl").exists()
    assert build.stages("results") == {"synth", "convert"}


def test_a_failed_start_that_changed_nothing_leaves_the_stage_current(build):
    wrong = {"PRETRAIN_GLOBAL_BATCH_SIZE": "7", "PRETRAIN_BATCH_SIZE_PER_GPU": "2"}
    done = build.make("results", check=False, **wrong)
    assert done.returncode != 0 and "per_device_train_batch_size" in done.stderr
    assert build.stages("results") == set()
