"""What keeps two runs from being compared, in words; and what may differ all the same."""

import pytest

from errors import BadInput
from json_files import read_json
from leaderboard.comparable import differences, require_comparable
from leaderboard.runs import read_run
from shapes import STAGES
from sweeps import change, change_mark, without_pretraining, write_run

TEXTVQA = {str(number): 1.0 for number in range(60)}


def result_changed(key, **entries):
    """A change of entries within a field of results.json."""

    def apply(folder):
        path = folder / "results.json"
        change(path, **{key: read_json(path)[key] | entries})

    return apply


def protocol_changed(test, **entries):
    def apply(folder):
        protocol = read_json(folder / "results.json")["protocol"]
        result_changed("protocol", **{test: protocol[test] | entries})(folder)

    return apply


def mark_changed(stage, **parts):
    return lambda folder: change_mark(folder, stage, **parts)


def packages(**versions):
    return {"roots": ["torch"], "versions": {"torch": "2"} | versions}


def unmark(folder):
    for stage in STAGES:
        (folder / ".make" / f"{stage}.made").unlink()


def words_of(tmp_path, apply, **scores):
    """Differences to `reference` of a run that was changed."""
    folder = write_run(tmp_path, "mine", 2, **scores)
    apply(folder)
    reference = write_run(tmp_path, "seed", 1, textvqa=TEXTVQA)
    return differences(read_run("mine", 2, folder), read_run("seed", 1, reference))


@pytest.mark.parametrize(
    "apply, words",
    [
        (lambda folder: change(folder / "results.json", profile="10k"), ["profile demo → 10k"]),
        (
            protocol_changed("textvqa", question_file_sha256="cd"),
            ["textvqa's question_file_sha256 'ab' → 'cd'"],
        ),
        (protocol_changed("mmbench", prompt="q"), ["mmbench's prompt 'p' → 'q'"]),
        (protocol_changed("mmbench", parse="strict"), ["mmbench's parse None → 'strict'"]),
        (protocol_changed("textvqa", max_new_tokens=8), ["textvqa's max_new_tokens 128 → 8"]),
        (result_changed("versions", torch="3"), ["torch 2 → 3"]),
        (result_changed("versions", timm="1"), ["timm none → 1"]),
        (result_changed("inputs", finetune_data="g"), ["another finetuning set"]),
        (
            mark_changed("textvqa", reads={"py/textvqa.py": [1, 1, 1, "bb", "bb"]}),
            ["textvqa: py/textvqa.py aa → bb"],
        ),
        (
            mark_changed("finetune", reads={"configs/zero2.json": [1, 1, 1, "bb", "bb"]}),
            ["finetune: configs/zero2.json is new"],
        ),
        (
            mark_changed("pretrain", reads={"py/pretrain.py": None}),
            ["pretrain: py/pretrain.py is no longer read"],
        ),
        (mark_changed("synth", packages=packages(torch="3")), ["synth: package torch 2 → 3"]),
        (
            mark_changed("finetune", packages=packages(timm="1")),
            ["finetune: package timm (unset) → 1"],
        ),
        (
            mark_changed("finetune", knobs={"FINETUNE_LEARNING_RATE": "1e-4"}),
            ["finetune: FINETUNE_LEARNING_RATE (unset) → 1e-4"],
        ),
        (mark_changed("mmbench", knobs={"EVAL_BATCH_SIZE": None}), ["mmbench: EVAL_BATCH_SIZE 50 → (unset)"]),
        (
            mark_changed("finetune", inputs={"data/demo/.make/world": "v"}),
            ["finetune: what data/demo/.make/world made w → v"],
        ),
        (unmark, ["marks of the graph, in .make/, of one of them only"]),
    ],
)
def test_each_difference_that_makes_a_comparison_mean_nothing_is_told(tmp_path, apply, words):
    assert words_of(tmp_path, apply) == words


@pytest.mark.parametrize(
    "apply",
    [
        lambda folder: None,
        lambda folder: change(folder / "results.json", data=None),
        protocol_changed("textvqa", batch_size=7),
        result_changed("inputs", seed="other", recipe="other", stage1="other", synth="other"),
        mark_changed("synth", knobs={"RECIPE": "x", "SEED": "y", "CAPTIONER": "z", "ON_BAD_RECORD": "drop"}),
        mark_changed("synth", knobs={"PRETRAIN_BUDGET": "60"}),
        mark_changed("synth", reads={"configs/recipes/x.yaml": [1, 1, 1, "bb", "bb"]}),
        mark_changed("synth", reads={"data/own/seed.jsonl": [1, 1, 1, "bb", "bb"]}),
        mark_changed("synth", inputs={"models/demo/.make/standins": "m"}),
        mark_changed("finetune", inputs={"pretrain": "d"}),
        without_pretraining,
    ],
)
def test_what_is_of_the_data_or_the_random_seed_may_differ(tmp_path, apply):
    assert words_of(tmp_path, apply) == []


def test_a_knob_of_the_data_that_both_read_must_be_the_same(tmp_path):
    """A recipe that asks for the budget reads it in synthesis; two that do must have the same."""
    folders = [write_run(tmp_path, name, 1) for name in ("mine", "seed")]
    for folder, budget in zip(folders, ("60", "50"), strict=True):
        change_mark(folder, "synth", knobs={"PRETRAIN_BUDGET": budget})
    mine, seed = (read_run("x", 1, folder) for folder in folders)
    assert differences(mine, seed) == ["synth: PRETRAIN_BUDGET 50 → 60"]


def test_what_a_run_made_itself_may_differ_and_what_all_read_not(tmp_path):
    folders = [write_run(tmp_path, name, 1) for name in ("mine", "seed")]
    for folder, digest in zip(folders, ("d", "e"), strict=True):
        change_mark(folder, "pretrain", inputs={"convert": digest, "models/demo/.make/standins": digest})
    mine, seed = (read_run("x", 1, folder) for folder in folders)
    assert differences(mine, seed) == ["pretrain: what models/demo/.make/standins made e → d"]


@pytest.mark.parametrize(
    "questions",
    [TEXTVQA | {"60": 1.0}, dict(list(TEXTVQA.items())[:-1]), {f"q{number}": 1.0 for number in range(60)}],
)
def test_other_questions_are_told_though_the_file_has_the_same_hash(tmp_path, questions):
    assert words_of(tmp_path, lambda folder: None, textvqa=questions) == ["other questions in textvqa"]


def test_another_test_of_the_same_folder_is_told(tmp_path):
    def pure(folder):
        result = read_json(folder / "results.json")
        fields = {}
        for key in ("scores", "protocol"):
            fields[key] = {name.replace("vqa", "vqa_pure"): value for name, value in result[key].items()}
        fields["protocol"]["textvqa_pure"]["test"] = "textvqa_pure"
        change(folder / "results.json", **fields)

    words = words_of(tmp_path, pure)
    assert {"textvqa's test 'textvqa' → None", "other questions in textvqa"} <= set(words)
    assert {"textvqa_pure's test None → 'textvqa_pure'", "other questions in textvqa_pure"} <= set(words)


def test_the_first_three_differences_are_named_and_the_others_counted(tmp_path):
    folders = [write_run(tmp_path, name, 1) for name in ("mine", "seed")]
    change(folders[0] / "results.json", profile="10k")
    result_changed("versions", python="3", torch="3", timm="3", pillow="3")(folders[0])
    mine, seed = (read_run("x", 1, folder) for folder in folders)
    words = "not comparable with seed-s1: profile demo → 10k, pillow none → 3, python 3.11 → 3 and 2 more"
    with pytest.raises(BadInput, match=f"^{words}$"):
        require_comparable(mine, seed)
    require_comparable(seed, seed)
