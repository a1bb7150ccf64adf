"""A million seed records, some of them bad, from the seed to the LLaVA file: none is lost unsaid."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from scale.size import ROOT, Ran, python, ran, sizes

pytestmark = pytest.mark.attack("scale")
IMAGES = 5
MOST_GB = {10_000: 1.0, 1_000_000: 6.0}
"""Of all processes of a step together; a machine for the full scale has 188."""
RECIPE = """
process:
  - text_length_filter: {min_len: 40}
"""
EVERY = 50  # so many records, and then one whose caption is too short for the recipe
WORDS = ("red", "blue", "green", "small", "large", "cat", "dog", "house", "tree", "car")


def sound(number: int) -> dict:
    caption = " ".join(WORDS[number * k % 10] for k in (1, 3, 7, 9, 11, 13, 17, 19)) + f" {number}"
    caption = "too short" if number % EVERY == 0 else f"a picture of {caption}"
    text = f"<__dj__image>\n{caption} <|__dj__eoc|>"
    return {"id": f"{number:09d}", "text": text, "images": [f"images/{number % IMAGES}.jpg"]}


BAD = {
    # what it is: (changes of the record, or the line that stands there instead; what the ledger must say)
    "an image that is missing": ({"images": ["images/none.jpg"]}, "is missing"),
    "an image that ends early": ({"images": ["images/cut.jpg"]}, "cannot be read"),
    "an image that is empty": ({"images": ["images/empty.jpg"]}, "is empty"),
    "two images": ({"images": ["images/0.jpg", "images/1.jpg"]}, "2 images and 1 placeholders"),
    "no caption": ({"text": "<__dj__image>\n <|__dj__eoc|>"}, "empty caption"),
    "no end token": ({"text": "<__dj__image>\nred"}, "must end in <|__dj__eoc|>"),
    "an id that was there": ({"id": "000000001"}, "stands on line 2 already"),
    "an id that is a number": ({"id": 7}, "not a string"),
    "half a line": ('{"id": "0000', "not valid JSON"),
    "an empty line": ("", "an empty line"),
}


def bad_places(size: int) -> dict[int, str]:
    """{number of a record: what is wrong with it}; each kind twice, the first and the last record too."""
    places = [0, size - 1, *random.Random(size).sample(range(2, size - 1), 2 * len(BAD) - 2)]
    return dict(zip(places, [*BAD, *BAD], strict=True))


def write_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(IMAGES):
        Image.new("RGB", (8, 8), (40 * number, 90, 200)).save(folder / f"{number}.jpg")
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:-40])
    (folder / "empty.jpg").touch()


def write_seed(folder: Path, size: int) -> dict[int, str]:
    """seed.jsonl, stage_1.json (of all that could be ids) and images; returns the bad ones."""
    write_images(folder / "images")
    bad = bad_places(size)
    with (folder / "seed.jsonl").open("w") as seed, (folder / "stage_1.json").open("w") as stage1:
        for number in range(size):
            record = sound(number)
            changes = BAD[bad[number]][0] if number in bad else {}
            line = changes if isinstance(changes, str) else json.dumps(record | changes)
            seed.write(f"{line}\n")
            turns = [
                {"from": "human", "value": "<image>\nWhat is it?"},
                {"from": "gpt", "value": "a picture"},
            ]
            sample = {"id": record["id"], "conversations": turns, "image": record["images"][0]}
            stage1.write(("[\n" if number == 0 else ",\n") + json.dumps(sample))
        stage1.write("\n]\n")
    return bad


def synthesise(folder: Path, *options: object) -> Ran:
    (folder / "recipe.yaml").write_text(RECIPE)
    given = (
        "--recipe",
        folder / "recipe.yaml",
        "--seed",
        folder / "seed.jsonl",
        "--store",
        folder / "store.sqlite",
    )
    given += ("--output", folder / "run/synth.jsonl", "--ledger", folder / "run/ledger.jsonl", *options)
    return ran("bash", ROOT / "scripts/synth.sh", *given)


def require_ledger(path: Path, bad: dict[int, str], size: int) -> list[str]:
    """Every record once and in order, the bad ones dropped by name; returns the ids that were selected."""
    selected, outcomes = [], Counter()
    with path.open() as file:
        for number, line in enumerate(file):
            told = json.loads(line)
            outcomes[told["outcome"], told["op"]] += 1
            if number in bad:
                words = BAD[bad[number]][1]
                assert (told["op"], told["notes"]["line"]) == ("check_seed", number + 1), told
                assert (
                    words in told["notes"]["error"] and f"seed.jsonl:{number + 1}: " in told["notes"]["error"]
                )
                continue
            assert told["id"] == f"{number:09d}", f"line {number + 1}: {told}"
            assert told["selected"] == (number % EVERY > 0) and told["stats"]["text_len"] > 0, told
            if told["selected"]:
                selected.append(told["id"])
    short = sum(number not in bad for number in range(0, size, EVERY))
    assert outcomes == {
        ("kept", None): size - len(bad) - short,
        ("dropped", "text_length_filter"): short,
        ("dropped", "check_seed"): len(bad),
    }
    return selected


def require_sample(path: Path, selected: list[str], budget: int) -> None:
    """The kit's sample of the selected ids."""
    wanted = selected
    if len(selected) > budget:
        random.seed(1024)
        wanted = random.sample(selected, budget)
    assert [sample["id"] for sample in json.loads(path.read_text())] == wanted


def require_findings(path: Path, bad: dict[int, str]) -> None:
    """As faults exactly the bad records, each once, with its line."""
    faults = {}
    with path.open() as file:
        for line in file:
            if '"severity": "fault"' in line:
                found = json.loads(line)
                assert faults.setdefault(found["line"], found["message"]) == found["message"]
    assert faults.keys() == {number + 1 for number in bad}
    for number, kind in bad.items():
        assert BAD[kind][1] in faults[number + 1]


@sizes(10_000, 1_000_000)
def test_every_record_of_a_seed_is_accounted_for(tmp_path, size):
    bad, budget = write_seed(tmp_path, size), size // 5
    steps = [synthesise(tmp_path, "--on_bad_record", "drop", "--np", 2)]
    assert steps[-1].returncode == 0, steps[-1].stderr[-3000:]
    selected = require_ledger(tmp_path / "run/ledger.jsonl", bad, size)

    stage1, llava = tmp_path / "stage_1.json", tmp_path / "run/synth.llava.json"
    given = (
        "--synth",
        tmp_path / "run/synth.jsonl",
        "--stage1",
        stage1,
        "--output",
        llava,
        "--budget",
        budget,
    )
    steps.append(python("dj_to_llava.py", *given))
    assert steps[-1].returncode == 0, steps[-1].stderr[-3000:]
    assert f"{budget} of {len(selected)} records, {budget} ids" in steps[-1].stdout
    require_sample(llava, selected, budget)

    given = ("--seed", tmp_path / "seed.jsonl", "--stage1", stage1, "--output", tmp_path / "check-data.jsonl")
    steps.append(python("check_data.py", *given, "--store", tmp_path / "store.sqlite"))
    assert steps[-1].returncode == 1 and f"{len(bad)} faults" in steps[-1].stderr, steps[-1].stderr[-3000:]
    require_findings(tmp_path / "check-data.jsonl", bad)
    assert len(steps[-1].stdout) < 50_000
    assert max(step.gb for step in steps) < MOST_GB[size]


@sizes(10_000, 1_000_000)
def test_the_same_seed_is_refused_where_no_record_may_be_dropped(tmp_path, size):
    bad = write_seed(tmp_path, size)
    done = synthesise(tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for number, kind in bad.items():
        assert f"seed.jsonl:{number + 1}: " in done.stderr and BAD[kind][1] in done.stderr
    assert not list((tmp_path / "run").glob("*synth*"))
