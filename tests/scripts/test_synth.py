import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "configs" / "recipes"
BLIP2, CLIP, BLIP = "blip2-opt-2.7b", "clip-vit-large-patch14-336", "blip-itm-base-coco"
TARGETS = ("synth.jsonl", "ledger.jsonl", "synth.summary.json")


@pytest.fixture
def synth(tmp_path, tmp_path_factory, forks):
    """A function that runs scripts/synth.sh into tmp_path/run; HOME is an empty folder, to see what lands."""
    home = tmp_path / "home"
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHON": str(forks.python), "HOME": str(home), "OMP_NUM_THREADS": "1"}
    env.setdefault("PYTHONPYCACHEPREFIX", str(tmp_path_factory.getbasetemp().parent / "pycache"))

    def run(recipe, seed, *options, folder="run", **more):
        out = tmp_path / folder
        files = ["--output", out / "synth.jsonl", "--ledger", out / "ledger.jsonl"]
        command = [ROOT / "scripts/synth.sh", "--recipe", recipe, "--seed", seed, *files, *options]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env | more)

    return run


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_seed_recipe_passes_every_record_through(make_seed, synth, tmp_path):
    seed = make_seed(20)
    text = seed.read_text(encoding="utf-8").replace("<__dj__image>", "<image>", 3)
    seed.write_text(text, encoding="utf-8")
    done = synth(RECIPES / "seed.yaml", seed, PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    rows, before = lines_of(tmp_path / "run/synth.jsonl"), lines_of(seed)
    assert [row["id"] for row in rows] == [row["id"] for row in before]
    assert [row["text"] for row in rows] == [
        row["text"].replace("<image>", "<__dj__image>") for row in before
    ]
    assert rows[0]["images"] == ["../seed/images/000000000.jpg"], "relative to the output"
    assert all(
        line["outcome"] == "kept" and line["repeated"] == 1
        for line in lines_of(tmp_path / "run/ledger.jsonl")
    )
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == sorted([*TARGETS, "synth.log"])
    assert list((tmp_path / "home").iterdir()) == [], "nothing may be written to HOME"


def test_filter_recaption_accounts_for_every_record_whatever_the_batch_size(
    world_seed, synth, tmp_path, standin
):
    seed = world_seed(60)
    models = ["--captioner", standin(BLIP2), "--similarity_model", standin(CLIP)]
    options = [*models, "--budget", 37, "--store", tmp_path / "store.sqlite"]
    done = synth(RECIPES / "filter_recaption.yaml", seed, *options)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    ledger, rows = lines_of(run / "ledger.jsonl"), lines_of(run / "synth.jsonl")
    summary = json.loads((run / "synth.summary.json").read_text())
    assert [line["id"] for line in ledger] == [row["id"] for row in lines_of(seed)]
    assert summary["dropped"] == {"threshold_selector": 15, "threshold_selector#2": 15}
    assert [(chosen["kept"], chosen["of"]) for chosen in summary["thresholds"]] == [(45, 60), (30, 45)]
    assert [step["out"] for step in summary["steps"]] == [60, 45, 45, 45, 30, 37]
    assert [summary[key] for key in ("seed", "selected", "unique")] == [60, 37, 30]
    assert (
        summary["kept"] + summary["recaptioned"] == 30
        and sum(summary["notes"]["caption_check"].values()) == 45
    )
    assert sum(line["repeated"] for line in ledger) == len(rows) == 37
    worst = [line["stats"]["seed_similarity"] for line in ledger if line["op"] == "threshold_selector"]
    others = [line["stats"]["seed_similarity"] for line in ledger if line["op"] != "threshold_selector"]
    assert max(worst) <= summary["thresholds"][0]["chosen"] == min(others)
    twice = [line["stats"]["image_text_similarity"] for line in ledger if line["repeated"] == 2]
    once = [line["stats"]["image_text_similarity"] for line in ledger if line["repeated"] == 1]
    assert min(twice) >= max(once), "the best are repeated first"
    captions = {line["id"]: line.get("caption", line["seed_caption"]) for line in ledger}
    assert all(captions[row["id"]] in row["text"] for row in rows)

    variants = {
        "no store, batches of 7, two processes": ["--batch_size", 7, "--np", 2, *options[:-2]],
        "the same store, batches of 1": ["--batch_size", 1, *options],
        "Ray": ["--executor", "ray", "--np", 2, *options[:-1], tmp_path / "ray.sqlite"],
    }
    for name, others in variants.items():
        again = synth(RECIPES / "filter_recaption.yaml", seed, *others, folder="again")
        assert again.returncode == 0, name + again.stderr
        for target in TARGETS:
            assert (tmp_path / "again" / target).read_bytes() == (run / target).read_bytes(), name
    assert list((tmp_path / "home").iterdir()) == [], "nothing may be written to HOME"


RAY = ["--executor", "ray", "--max_bad_records", "0.2"]


@pytest.mark.long
@pytest.mark.attack("bad input")
def test_on_ray_too_a_bad_record_is_named(make_seed, synth, tmp_path):
    failed = synth(raising(tmp_path), make_seed(12), *RAY)
    assert failed.returncode == 1
    assert "run_data_juicer.py: BadInput: raising_mapper: id 000000003: ValueError: no luck" in failed.stderr


def test_on_ray_too_a_bad_record_is_dropped_alone(make_seed, synth, tmp_path):
    done = synth(raising(tmp_path), make_seed(12), *RAY, "--on_bad_record", "drop")
    assert done.returncode == 0, done.stderr
    rows = lines_of(tmp_path / "run/synth.jsonl")
    assert [row["id"][-2:] for row in rows] == [f"{n:02d}" for n in range(12) if n != 3]
    assert all(row["text"].count("indeed") == 1 for row in rows)


def test_a_failure_in_one_of_several_processes_ends_them_all(make_seed, synth, tmp_path):
    failed = synth(raising(tmp_path), make_seed(12), "--np", 2)
    assert failed.returncode == 1 and "id 000000003: ValueError: no luck" in failed.stderr


def odd_pictures(seed):
    """Let six records have a CMYK, a 16-bit, an animated, a rotated, a transparent and a tiny picture."""
    rows = lines_of(seed)
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    exif = Image.Exif()
    exif[0x0112] = 6
    paths = [seed.parent / row["images"][0] for row in rows]
    Image.new("CMYK", (50, 40), (0, 255, 255, 0)).save(paths[0], "jpeg")
    Image.new("I;16", (50, 40), 40_000).save(paths[1], "png")
    frames[0].save(paths[2], "gif", save_all=True, append_images=frames[1:])
    Image.new("RGB", (60, 20), "green").save(paths[3], "jpeg", exif=exif)
    Image.new("RGBA", (50, 40), (9, 200, 9, 90)).save(paths[4], "png")
    Image.new("RGB", (1, 1), "blue").save(paths[5], "png")


def test_odd_pictures_and_odd_captions_go_through_every_model(world_seed, synth, tmp_path, standin):
    seed = world_seed(12)
    odd_pictures(seed)
    for row, caption in (
        (6, "x " * 50_000),
        (7, "a\x00b\x07"),
        (8, "\u202e caf\u00e9 \ud83d\ude00"),
        (9, "."),
        (10, "a" * 99_999),
    ):
        changed(seed, row, text=f"<__dj__image>\n{caption} <|__dj__eoc|>")
    models = ("--captioner", BLIP2), ("--similarity_model", CLIP), ("--matching_model", BLIP)
    options = [word for option, name in models for word in (option, standin(name))]
    recipe = tmp_path / "all.yaml"
    text = (RECIPES / "swap_worst.yaml").read_text().replace("top_ratio: 0.75", "top_ratio: 1.0")
    recipe.write_text(text.rstrip() + "\n  - rapidocr_mapper:\n  - ocr_caption_mapper:\n")
    done = synth(recipe, seed, *options, "--budget", 12)
    assert done.returncode == 0, done.stderr
    ledger = lines_of(tmp_path / "run/ledger.jsonl")
    assert [line["id"] for line in ledger] == [row["id"] for row in lines_of(seed)]
    assert all(line["outcome"] != "dropped" for line in ledger)
    assert [line["stats"]["seed_similarity_truncated"] for line in ledger].count(True) == 2
    assert [line["stats"]["seed_matching_score_truncated"] for line in ledger].count(True) == 2


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "store.sqlite"


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_every_recipe_accounts_for_every_record(world_seed, synth, tmp_path, standin, shared_store, recipe):
    seed = world_seed(24)
    models = ("--captioner", BLIP2), ("--similarity_model", CLIP), ("--matching_model", BLIP)
    options = [word for option, name in models for word in (option, standin(name))]
    done = synth(RECIPES / f"{recipe}.yaml", seed, *options, "--budget", 15, "--store", shared_store)
    assert done.returncode == 0, done.stderr
    ledger, rows = lines_of(tmp_path / "run/ledger.jsonl"), lines_of(tmp_path / "run/synth.jsonl")
    summary = json.loads((tmp_path / "run/synth.summary.json").read_text())
    assert [line["id"] for line in ledger] == [row["id"] for row in lines_of(seed)]
    assert sum(line["repeated"] for line in ledger) == len(rows) == summary["selected"]
    assert len(rows) == (24 if recipe in ("seed", "recaption") else 15)
    assert summary["kept"] + summary["recaptioned"] + sum(summary["dropped"].values()) == 24
    assert (summary["synthesised"] > 0) == (recipe != "seed")


def test_an_operator_that_raises_fails_the_stage_and_leaves_the_old_result(make_seed, synth, tmp_path):
    recipe = raising(tmp_path)
    (tmp_path / "run").mkdir()
    for name in TARGETS:
        (tmp_path / "run" / name).write_text("old")
    done = synth(recipe, make_seed(5))
    assert done.returncode == 1
    assert "id 000000003: ValueError: no luck" in done.stderr and "synth.log" in done.stderr
    assert [(tmp_path / "run" / name).read_text() for name in TARGETS] == ["old"] * 3
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == sorted([*TARGETS, "synth.log"])


def raising(tmp_path):
    """A recipe whose operator changes every record of its batch, and raises in the middle, at record 3."""
    (tmp_path / "raising_mapper.py").write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        "@OPERATORS.register_module('raising_mapper')\n"
        "class RaisingMapper(Mapper):\n"
        "    '''Raises.'''\n"
        "    _batched_op = True\n"
        "    def process_batched(self, samples):\n"
        "        for row, identity in enumerate(samples['id']):\n"
        "            if identity.endswith('3'):\n"
        "                raise ValueError('no luck')\n"
        "            samples['text'][row] = samples['text'][row].replace(' <|', ' indeed <|')\n"
        "        return samples\n"
    )
    recipe = tmp_path / "raising.yaml"
    recipe.write_text("custom_operator_paths: [raising_mapper.py]\nprocess: [{raising_mapper: {}}]\n")
    return recipe


def test_dropping_bad_records_costs_them_alone_and_the_ledger_says_so(make_seed, synth, tmp_path):
    seed = make_seed(12)
    image(seed).unlink()
    changed(seed, 7, id="000000001")
    with seed.open("a") as file:
        file.write("{cut short\n")
    options = ["--on_bad_record", "drop", "--max_bad_records", "0.4"]
    done = synth(raising(tmp_path), seed, *options)
    assert done.returncode == 0, done.stderr
    ledger = lines_of(tmp_path / "run/ledger.jsonl")
    bad = [
        (line["id"], line["op"], line["notes"]["error"]) for line in ledger if line["outcome"] == "dropped"
    ]
    assert [(identity, op) for identity, op, _ in bad] == [
        ("000000002", "check_seed"),
        ("000000003", "raising_mapper"),
        ("000000001", "check_seed"),
        (None, "check_seed"),
    ]
    for (*_, error), words in zip(
        bad, ("is missing", "no luck", "stands on line 2", "not valid JSON"), strict=True
    ):
        assert words in error
    rows = lines_of(tmp_path / "run/synth.jsonl")
    assert [row["id"][-2:] for row in rows] == ["00", "01", "04", "05", "06", "08", "09", "10", "11"]
    assert all(row["text"].count("indeed") == 1 for row in rows)
    summary = json.loads((tmp_path / "run/synth.summary.json").read_text())
    assert (summary["seed"], summary["bad"], summary["recaptioned"]) == (13, 4, 9)


def test_more_bad_records_than_allowed_fail(make_seed, synth, tmp_path):
    seed = make_seed(12)
    image(seed).unlink()
    done = synth(RECIPES / "seed.yaml", seed, "--on_bad_record", "drop")
    assert done.returncode == 1 and "000000002.jpg is missing" in done.stderr
    assert "these are more than MAX_BAD_RECORDS=0.01 of all 12" in done.stderr
    done = synth(
        raising(tmp_path), make_seed(12, "again"), "--on_bad_record", "drop", "--max_bad_records", ".05"
    )
    assert done.returncode == 1
    assert "1 of 12 records are bad, more than MAX_BAD_RECORDS=0.05" in done.stderr
    assert not (tmp_path / "run/synth.jsonl").exists()


def changed(seed, number, **change):
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    rows[number].update(change)
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def cut_line(seed):
    lines = seed.read_text(encoding="utf-8").splitlines()
    seed.write_text("\n".join([*lines[:2], lines[2][:25], *lines[3:]]), encoding="utf-8")


def image(seed):
    return seed.parent / "images/000000002.jpg"


def huge(seed):
    Image.new("1", (20_000, 20_000)).save(image(seed), "png")


BAD_ROWS = {
    "invalid JSON": (cut_line, "not valid JSON"),
    "a duplicate id": (
        lambda seed: changed(seed, 2, id="000000001"),
        "id 000000001: stands on line 2 already; remove",
    ),
    "a missing id": (lambda seed: changed(seed, 2, id=""), "no id"),
    "an empty caption": (
        lambda seed: changed(seed, 2, text="<__dj__image>\n <|__dj__eoc|>"),
        "2: empty caption; write",
    ),
    "no image": (lambda seed: changed(seed, 2, images=[]), "id 000000002: no image; name one"),
    "two images": (lambda seed: changed(seed, 2, images=["a", "b"]), "id 000000002: 2 images"),
    "a missing image": (lambda seed: image(seed).unlink(), "id 000000002: image {image} is missing; restore"),
    "a zero-size image": (
        lambda seed: image(seed).write_bytes(b""),
        "id 000000002: image {image} is empty (0 bytes); ",
    ),
    "a truncated image": (
        lambda seed: image(seed).write_bytes(image(seed).read_bytes()[:-99]),
        "id 000000002: image {image} cannot be read",
    ),
    "an image of 400 million pixels": (huge, "id 000000002: image {image} cannot be read (Image size"),
    "a caption of control characters": (
        lambda seed: changed(seed, 2, text="<__dj__image>\n\x00\x07 <|__dj__eoc|>"),
        "2: empty caption; write",
    ),
    "a second image token": (
        lambda seed: changed(seed, 2, text="<__dj__image>\na <image> of <|__dj__eoc|>"),
        "id 000000002: 1 images and 2 placeholders",
    ),
    "a page for an image": (
        lambda seed: image(seed).write_text("<html>"),
        "id 000000002: image {image} cannot be read",
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_record_is_named_before_anything_runs(make_seed, synth, tmp_path, name):
    seed = make_seed(5)
    spoil, message = BAD_ROWS[name]
    spoil(seed)
    done = synth(RECIPES / "seed.yaml", seed)
    assert done.returncode == 1
    assert f"check_seed.py: {seed}:3: " in done.stderr and message.format(image=image(seed)) in done.stderr
    assert len(done.stderr.splitlines()) == 1 and list((tmp_path / "run").iterdir()) == []


def test_bad_lines_and_bad_images_are_reported_together(make_seed, synth):
    seed = make_seed(5)
    image(seed).unlink()
    changed(seed, 4, images=[])
    done = synth(RECIPES / "seed.yaml", seed, "--np", 2)
    assert ":3: id 000000002: image" in done.stderr and ":5: id 000000004: no image" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--colour", "red"], "synth.sh: unknown option --colour"),
        (["--budget"], "synth.sh: --budget needs a value"),
        (["--budget", "many"], "synth.sh: --budget must be a whole number above 0, not 'many'"),
        (["--recipe", "gone.yaml"], "synth.sh: gone.yaml: no such file"),
        (["--ledger", ""], "synth.sh: --ledger is missing"),
    ],
)
def test_wrong_usage_is_refused(make_seed, synth, options, message):
    done = synth(RECIPES / "seed.yaml", make_seed(1), *options)
    assert done.returncode == 1 and done.stderr.startswith(message)


def test_help_shows_usage_and_an_example(synth, make_seed):
    done = synth(RECIPES / "seed.yaml", make_seed(1), "--help")
    assert done.returncode == 0
    assert "usage: synth.sh" in done.stdout and "example: scripts/synth.sh" in done.stdout
