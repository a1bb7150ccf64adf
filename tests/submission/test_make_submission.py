"""What goes into a submission, where from, and which runs are refused."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import BadInput
from pack_submission import differing, pack
from submissions import FINETUNE_SAMPLES, log, put, sample, sha256, write_run

PRE = "output/training_dirs/MGM-2B-Pretrain-mine"
FT = "output/training_dirs/MGM-2B-Finetune-mine"


def edit(path: str, **changes: object) -> Callable[[Path], None]:
    """Other values in a JSON object, those of ``settings`` merged."""

    def apply(run: Path) -> None:
        value = json.loads((run / path).read_text())
        settings = {"settings": value.get("settings", {}) | changes.pop("settings", {})}
        put(run / path, value | changes | (settings if "settings" in value else {}))

    return apply


def samples(*entries: dict, count: int = 600) -> Callable[[Path], None]:
    """Other samples, trained on as they are."""

    def apply(run: Path) -> None:
        shutil.rmtree(run)
        write_run(run.parents[2], [*entries, *(sample(i) for i in range(len(entries), count))])

    return apply


def gone(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def append(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).open("ab").write(b"x") and None


PRETRAIN, FINETUNE = "pretrain/train_args.json", "finetune/train_args.json"
REFUSED: list[tuple[str, Callable[[Path], None], str]] = [
    ("the seed as it is", samples(), "no synthesised sample, all captions and images are the seed's"),
    ("an id of another set", samples(sample(0, "new") | {"id": "x7"}), "id x7 is not of the seed"),
    ("two epochs", edit(PRETRAIN, settings={"num_train_epochs": 2.0}), "trained for 2 epochs, max_steps -1"),
    ("a number of steps", edit(FINETUNE, settings={"max_steps": 9}), "trained for 1 epochs, max_steps 9"),
    (
        "another batch of the pretraining",
        edit(PRETRAIN, settings={"world_size": 1}),
        "global batch size 64, the challenge's is 256; train with PRETRAIN_GLOBAL_BATCH_SIZE=256",
    ),
    (
        "another batch of the finetuning",
        edit(FINETUNE, settings={"gradient_accumulation_steps": 8}),
        "global batch size 256, the challenge's is 128",
    ),
    ("another seed", edit(FINETUNE, settings={"seed": 7}), "random seed 7, results.json says 1024"),
    (
        "a part of the data",
        edit("pretrain/train_summary.json", samples=512),
        "512 samples were trained on, not 600",
    ),
    (
        "a part of the finetuning set",
        edit("finetune/train_summary.json", samples=12_000),
        "12,000 samples were trained on, not 240,000",
    ),
    ("a log of another run", lambda run: put(run / "pretrain/pretrain.log", log(50)), "50 steps, where 600"),
    ("a log cut short", lambda run: put(run / "finetune/finetuning.log", "loading\n"), "no {'loss': …} line"),
    ("other projectors", append("pretrain/mm_projector.bin"), "not the file that finetune/ was trained with"),
    ("other data", append("synth.llava.json"), "not valid JSON"),
    ("no answers", gone("eval/textvqa/bm1.jsonl"), "eval/textvqa/bm1.jsonl: missing; make eval"),
    ("no score", gone("eval/mmbench/score.json"), "eval/mmbench/score.json: missing; make eval"),
    ("no weights", gone("finetune/model.safetensors.index.json"), "index.json: missing; make finetune"),
    ("no command", gone(".make/pretrain.log"), ".make/pretrain.log: missing; make pretrain"),
    (
        "another score",
        edit("eval/mmbench/score.json", accuracy=99.0),
        "mmbench/score.json: not the score in results.json",
    ),
    (
        "questions without OCR tokens",
        edit("results.json", scores={"textvqa_pure": {"accuracy": 50.0, "n": 3}}),
        "eval/textvqa: asked without OCR tokens",
    ),
    ("no pretraining", edit("results.json", data=None), "nothing was pretrained on (PRETRAIN=no)"),
    (
        "other results",
        lambda run: put(run / "results.json", [1]),
        "results.json: its value must be an object",
    ),
]


@pytest.mark.parametrize(("name", "spoil", "words"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_an_invalid_run_is_refused_and_leaves_nothing(run, make, name, spoil, words):
    spoil(run)
    with pytest.raises(BadInput) as error:
        make(run)
    assert words in str(error.value)
    assert not [path.name for path in run.parents[2].iterdir() if "submission" in path.name]


def test_all_reasons_are_told_together(run, make):
    samples()(run)
    edit(FINETUNE, settings={"seed": 7, "num_train_epochs": 3.0})(run)
    with pytest.raises(BadInput) as error:
        make(run)
    told = str(error.value)
    assert "no synthesised sample" in told and "random seed 7" in told and "3 epochs" in told


def test_more_samples_than_the_profile_allows_are_refused_with_the_knob_that_samples_them(run, make):
    samples(sample(0, "new"), count=10_001)(run)
    with pytest.raises(
        BadInput, match="10,001 samples, but profile 10k allows 10,000; PRETRAIN_BUDGET=10000"
    ):
        make(run, profile="10k")


def test_official_batch_sizes_and_counts_do_not_bind_the_demo(run, make):
    edit(PRETRAIN, settings={"world_size": 1, "per_device_train_batch_size": 64})(run)
    with pytest.raises(BadInput, match="240,000"):
        edit("finetune/train_summary.json", samples=1)(run)
        make(run)
    edit("finetune/train_summary.json", samples=FINETUNE_SAMPLES)(run)
    text = (make(run, profile="demo") / "solution/readme").read_text()
    assert "a demo, for practice: not a submittable result" in text and "Profile: demo" in text


def names(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("solution/code/")}


ONLINE = {
    "solution/readme",
    "solution/requirements.txt",
    "solution/recipe/recipe.yaml",
    "output/train.sh",
    f"{PRE}/pretrain.log",
    f"{FT}/finetune.log",
    f"{FT}/finetuning.log",
    *(f"output/eval_results/MGM-2B-Finetune-mine/{name}" for name in (
        "textvqa/bm1.jsonl", "textvqa/score.json", "textvqa/answers/1_0.jsonl",
        "mmbench/answers.jsonl", "mmbench/score.json", "mmbench/answers/1_0.jsonl", "mmbench/upload.xlsx",
    )),
}  # fmt: skip
OFFLINE = {
    "output/processed_data/processed_data.jsonl",
    f"{PRE}/mm_projector.bin",
    *(f"{FT}/{name}" for name in (
        "model-00001-of-00001.safetensors", "model.safetensors.index.json", "config.json",
        "tokenizer.json", "tokenizer_config.json",
    )),
}  # fmt: skip


def test_each_layout_has_exactly_its_files(run, make):
    (run / "eval/textvqa/.hidden").write_text("x")
    assert names(make(run)) == ONLINE
    assert names(make(run, "--offline", name="b")) == ONLINE | OFFLINE


def test_the_code_is_what_the_project_is_made_of_and_can_be_run(run, make):
    code = make(run) / "solution/code"
    found = {path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()}
    assert {"Makefile", "LICENSE", "py/records.py", "scripts/synth.sh", "env/requirements.lock"} <= found
    assert not [
        name for name in found if "__pycache__" in name or "/." in name or name.startswith(("tests", "."))
    ]
    assert os.access(code / "scripts/synth.sh", os.X_OK) and os.access(
        code.parents[1] / "output/train.sh", os.X_OK
    )
    assert (code.parent / "requirements.txt").read_bytes() == (code / "env/requirements.lock").read_bytes()


def test_everything_is_a_copy(run, make):
    before = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    folder = make(run, "--offline")
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.stat().st_nlink == 1 and not path.is_symlink()
            path.write_bytes(b"edited")
    assert {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()} == before


def test_the_data_are_what_was_trained_on_with_the_seeds_paths(run, make):
    lines = (make(run, "--offline") / "output/processed_data/processed_data.jsonl").read_text().splitlines()
    assert len(lines) == 600
    assert json.loads(lines[1]) == {
        "id": "000000001",
        "text": "<__dj__image>\na new caption <|__dj__eoc|>",
        "images": ["images/00/1.jpg"],
    }


def test_images_that_are_not_the_seeds_come_along_once_each(run, make):
    base = run.parents[2]
    for folder, content in (("a", b"one"), ("b", b"two")):
        (base / "made" / folder).mkdir(parents=True)
        (base / "made" / folder / "x.png").write_bytes(content)
    made = [sample(0, image="made/a/x.png"), sample(1, image="made/b/x.png"), sample(2, image="made/a/x.png")]
    samples(*made)(run)
    folder = make(run, "--offline") / "output/processed_data"
    lines = [json.loads(line) for line in (folder / "processed_data.jsonl").read_text().splitlines()]
    images = [line["images"][0] for line in lines[:4]]
    first, second = "synthetic_images/x.png", "synthetic_images/x-2.png"
    assert images == [first, second, first, "images/00/3.jpg"]
    assert ((folder / first).read_bytes(), (folder / second).read_bytes()) == (b"one", b"two")
    assert len(list((folder / "synthetic_images").iterdir())) == 2


def test_the_weights_are_named_as_shards_and_the_configuration_holds_no_way_to_this_machine(run, make):
    folder = make(run, "--offline") / FT
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == {"model-00001-of-00001.safetensors"}
    config = json.loads((folder / "config.json").read_text())
    assert config["mm_vision_tower"] == "model_zoo/OpenAI/clip-vit" and "mm_vision_tower_folder" not in config
    assert config["mm_vision_tower_aux"] == "model_zoo/OpenAI/openclip" and "/home/me" not in str(config)


def test_shards_keep_their_names(run, make):
    finetune, wanted = (
        run / "finetune",
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
    )
    index = json.loads((finetune / "model.safetensors.index.json").read_text())
    index["weight_map"] = {name: wanted[i % 2] for i, name in enumerate(index["weight_map"])}
    put(finetune / "model.safetensors.index.json", index)
    for name in wanted:
        shutil.copy(finetune / "model.safetensors", finetune / name)
    folder = make(run, "--offline") / FT
    assert sorted(path.name for path in folder.glob("*.safetensors")) == wanted


def test_a_recipe_of_ones_own_comes_with_its_operators(run, make):
    base = run.parents[2]
    put(base / "mine/deep/own.yaml", "custom_operator_paths: [../ops, word.py]\nprocess: []\n")
    put(base / "mine/ops/a_mapper.py", "A = 1\n")
    put(base / "mine/ops/__pycache__/a.pyc", "x")
    put(base / "mine/deep/word.py", "B = 1\n")
    folder = make(run, recipe="mine/deep/own.yaml") / "solution"
    found = {path.relative_to(folder / "recipe").as_posix() for path in (folder / "recipe").rglob("*.*")}
    assert found == {"deep/own.yaml", "deep/word.py", "ops/a_mapper.py"}
    told = (folder / "readme").read_text()
    assert "make submission PROFILE=full EXP=mine RECIPE=../recipe/deep/own.yaml" in told
    put(base / "mine/deep/own.yaml", "custom_operator_paths: [gone.py]\n")
    with pytest.raises(BadInput, match=r"gone\.py, which is missing"):
        make(run, recipe="mine/deep/own.yaml", name="b")


def test_a_deepspeed_configuration_of_ones_own_comes_along(run, make):
    own = run.parents[2] / "my_zero.json"
    put(own, {"zero_optimization": {"stage": 3}})
    for stage in ("pretrain", "finetune"):
        path = run / f".make/{stage}.log"
        path.write_text(path.read_text().replace("--seed", f"--deepspeed {own} --seed"))
    folder = make(run, "--knobs", f"DEEPSPEED_CONFIG={own} RANDOM_SEED=1024")
    assert (folder / "solution/deepspeed/my_zero.json").read_bytes() == own.read_bytes()
    assert "--deepspeed ../deepspeed/my_zero.json" in (folder / "output/train.sh").read_text()
    told = (folder / "solution/readme").read_text()
    assert "DEEPSPEED_CONFIG=../deepspeed/my_zero.json RANDOM_SEED=1024" in told and str(own) not in told


def test_the_readme_says_what_the_run_recorded(run, make):
    knobs = {"PRETRAIN_LEARNING_RATE": "1e-3", "STAGE1": ""}
    put(run / ".make/pretrain.made", {"knobs": knobs})
    told = (make(run) / "solution/readme").read_text()
    for words in (
        "600 samples of 600 seed records, 2 synthesised; profile full allows 200,000 at most",
        "pretrain: 600 samples, 3 steps of 256 (per GPU × accumulation × GPUs: 16 × 4 × 4), 1 epoch",
        "finetune: 240,000 samples, 1,875 steps of 128",
        "TextVQA: 50.00 % [20.0, 80.0] of 3 questions; greedy, bfloat16",
        "mean 1.550",
        "pretrain: PRETRAIN_LEARNING_RATE=1e-3\n",
        "python 3.11",
    ):
        assert words in told
    assert "demo" not in told


def test_the_same_run_gives_the_same_bytes_and_another_one_others(run, make, tmp_path):
    folders = [make(run, "--offline", name=name) for name in "ab"]
    for path in folders[1].rglob("*"):
        os.utime(path, (1, 1))
    zips = [tmp_path / f"{folder.name}.zip" for folder in folders]
    for folder, target in zip(folders, zips, strict=True):
        pack(folder, target)
    assert sha256(zips[0]) == sha256(zips[1])
    (folders[1] / "solution/readme").write_text("other")
    pack(folders[1], zips[1])
    assert sha256(zips[0]) != sha256(zips[1])
    assert differing(folders[1], zips[0]) == ["solution/readme"] and differing(folders[0], zips[0]) == []


def test_weights_and_images_are_stored_and_text_is_deflated(offline):
    with zipfile.ZipFile(offline) as archive:
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
        assert archive.namelist() == sorted(archive.namelist())
    stored = {name for name, kind in kinds.items() if kind == zipfile.ZIP_STORED}
    assert {f"{FT}/model-00001-of-00001.safetensors", f"{PRE}/mm_projector.bin"} <= stored
    assert not [name for name in stored if name.endswith((".jsonl", ".log", ".py", ".md", ".sh"))]


def test_a_link_is_not_followed_into_a_zip(run, make, tmp_path):
    folder = make(run)
    (folder / "output/link.log").symlink_to("/etc/hostname")
    with pytest.raises(BadInput, match=r"link\.log: not a plain file"):
        pack(folder, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_room_is_asked_for_before_anything_is_written(run, make, monkeypatch):
    monkeypatch.setattr("fetch.room.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1000))
    with pytest.raises(
        BadInput, match=r"and its zip need about [\d.]+ MB, \S+ has 1.0 kB free; free some room"
    ):
        make(run)
    assert not (run.parents[2] / "submission").exists()


def test_an_existing_folder_is_not_written_over(run, make):
    make(run)
    with pytest.raises(BadInput, match="exists already"):
        make(run)
