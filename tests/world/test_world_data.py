"""The demo's data sets: official formats, determinism, disjoint splits, the stated noise."""

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from world.captions import BOILERPLATE, NOISE, facts, facts_right, spoil, true_caption, web_caption
from world.questions import LETTER_ANSWER, SHORT_ANSWER, ask_choice, ask_reading
from world.render import SIZE, render
from world.scene import PLACES, Cell, Scene, Sign, Thing, sample_scene

SCRIPT = Path(__file__).parents[2] / "py" / "world" / "make_data.py"
SIZES = (
    "--seed_records",
    "40",
    "--finetune_records",
    "12",
    "--textvqa_questions",
    "7",
    "--mmbench_questions",
    "9",
)


def make(folder: Path, *more: str) -> Path:
    subprocess.run([sys.executable, SCRIPT, "--output", folder, *SIZES, *more], check=True, timeout=60)
    return folder


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("world") / "data")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_seed_and_stage_1_hold_the_same_records_in_the_official_formats(data: Path) -> None:
    seed = lines(data / "seed/mgm_pretrain_demo.jsonl")
    stage_1 = json.loads((data / "seed/stage_1.json").read_text())
    assert len({record["id"] for record in seed}) == len(seed) == len(stage_1) == 40
    for record, llava in zip(seed, stage_1, strict=True):
        human, gpt = llava["conversations"]
        assert record["id"] == llava["id"] and len(record["id"]) == 9 and record["id"].isdigit()
        assert record["text"] == f"<__dj__image>\n{gpt['value']} <|__dj__eoc|>"
        assert human["from"] == "human" and human["value"].startswith("<image>\n") and gpt["from"] == "gpt"
        assert record["images"] == [llava["image"]]
        assert Image.open(data / "seed" / llava["image"]).size == (SIZE, SIZE)


def test_controls_caption_the_seeds_images(data: Path) -> None:
    seed, clean, shuffled = (
        lines(data / name)
        for name in ("seed/mgm_pretrain_demo.jsonl", "controls/clean.jsonl", "controls/shuffled.jsonl")
    )
    assert [r["id"] for r in seed] == [r["id"] for r in clean] == [r["id"] for r in shuffled]
    assert sorted(r["text"] for r in clean) == sorted(r["text"] for r in shuffled)
    assert sum(a["text"] == b["text"] for a, b in zip(clean, shuffled, strict=True)) < 8
    assert all((data / "controls" / r["images"][0]).is_file() for r in clean + shuffled)


def test_finetune_set_asks_in_the_words_of_both_tests(data: Path) -> None:
    records = json.loads((data / "finetune/mgm_instruction_demo.json").read_text())
    endings = Counter(r["conversations"][0]["value"].rsplit("\n", 1)[1] for r in records)
    assert endings == {SHORT_ANSWER: 6, LETTER_ANSWER: 6}
    assert all((data / "finetune" / r["image"]).is_file() for r in records)


def test_textvqa_questions_and_annotations_agree(data: Path) -> None:
    questions = lines(data / "eval/textvqa/llava_textvqa_val_v051_ocr.jsonl")
    annotations = json.loads((data / "eval/textvqa/TextVQA_0.5.1_val.json").read_text())["data"]
    assert len(questions) == len(annotations) == 7
    for question, annotation in zip(questions, annotations, strict=True):
        asked, tokens, last = question["text"].split("\n")
        tokens = tokens.removeprefix("Reference OCR token: ").split(", ")
        assert last == SHORT_ANSWER and asked == annotation["question"]
        assert question["question_id"] == annotation["image_id"]
        assert (
            len(annotation["answers"]) == 10 and annotation["answers"][0] in tokens and len(tokens) in (3, 4)
        )
        assert (data / "eval/textvqa/train_images" / question["image"]).is_file()


def test_mmbench_table_has_the_official_columns(data: Path) -> None:
    csv.field_size_limit(10**8)
    with (data / "eval/mmbench/mmbench_dev_20230712.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert list(rows[0]) == [
        "index",
        "question",
        "hint",
        "A",
        "B",
        "C",
        "D",
        "answer",
        "category",
        "image",
        "source",
        "l2-category",
        "comment",
        "split",
    ]
    assert len({row["index"] for row in rows}) == 9
    for row in rows:
        assert len({row[letter] for letter in "ABCD"}) == 4 and row["answer"] in set("ABCD")
        assert row["category"] and row["l2-category"]
        assert Image.open(io.BytesIO(base64.b64decode(row["image"]))).size == (SIZE, SIZE)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    assert tree(make(tmp_path / "again")) == tree(data)
    assert tree(make(tmp_path / "other", "--random_seed", "7")) != tree(data)


def test_no_image_is_in_two_sets_or_in_both_splits(data: Path, tmp_path: Path) -> None:
    seen = Counter()
    for folder in (data, make(tmp_path / "tune", "--split", "tune")):
        seen.update(hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*.jpg"))
        table = (folder / "eval/mmbench/mmbench_dev_20230712.tsv").read_text()
        for row in list(csv.DictReader(io.StringIO(table), delimiter="\t")):
            seen[hashlib.sha256(base64.b64decode(row["image"])).digest()] += 1
    assert max(seen.values()) == 1 and len(seen) == 2 * (40 + 12 + 7 + 9)


def test_a_set_that_fails_leaves_the_old_one(data: Path) -> None:
    before = tree(data)
    bad = subprocess.run(
        [sys.executable, SCRIPT, "--output", data, "--seed_records", "0"], capture_output=True, text=True
    )
    assert bad.returncode == 1 and "--seed_records 0" in bad.stderr and "Traceback" not in bad.stderr
    assert tree(data) == before


def test_noise_has_the_stated_shares_and_kinds() -> None:
    kinds, rng = Counter(), Random(5)
    for _ in range(4000):
        scene = sample_scene(rng)
        kind, caption = web_caption(scene, rng)
        kinds[kind] += 1
        assert (caption == true_caption(scene)) == (kind == "right")
        assert (caption in BOILERPLATE) == (kind == "boilerplate")
    assert sum(NOISE.values()) == pytest.approx(1)
    for kind, share in NOISE.items():
        assert kinds[kind] / 4000 == pytest.approx(share, abs=0.03)  # four standard deviations


def test_true_caption_names_every_fact_of_the_scene_and_no_other() -> None:
    cells = (
        Cell(Sign("red", "lamp"), Thing("blue", "star")),
        Cell(),
        Cell(thing=Thing("green", "ring")),
        Cell(Sign("pink", "zoo")),
    )
    scene = Scene(cells, look=1)
    assert true_caption(scene) == (
        "top left red lamp sign above blue star, bottom left green ring, bottom right pink zoo sign"
    )
    for seed in range(200):
        scene = sample_scene(Random(seed))
        said = facts(true_caption(scene))
        for place, cell in zip(PLACES, scene.cells, strict=True):
            sign = (cell.sign.colour, cell.sign.word) if cell.sign else (None, None)
            thing = (cell.thing.colour, cell.thing.shape) if cell.thing else (None, None)
            assert said.get(place, (None,) * 4) == sign + thing
        assert facts_right(true_caption(scene), true_caption(scene)) == 1
        assert facts_right(true_caption(spoil(scene, Random(seed))), true_caption(scene)) < 1


def test_every_question_has_one_answer_which_the_scene_gives() -> None:
    for seed in range(300):
        rng = Random(seed)
        scene = sample_scene(rng)
        colours = [each.colour for _, each in scene.signs() + scene.things()]
        assert len(set(colours)) == len(colours)
        reading, choice = ask_reading(scene, rng), ask_choice(scene, rng)
        assert reading.answer in [sign.word for _, sign in scene.signs()]
        assert len(set(reading.ocr_tokens)) == len(reading.ocr_tokens)
        assert {sign.word for _, sign in scene.signs()} <= set(reading.ocr_tokens)
        assert len(set(choice.options)) == 4 and choice.options["ABCD".index(choice.letter)] == choice.answer


def test_a_scene_renders_to_the_same_pixels() -> None:
    scene = sample_scene(Random(3))
    assert render(scene).tobytes() == render(scene).tobytes()
    assert render(scene).tobytes() != render(sample_scene(Random(4))).tobytes()
