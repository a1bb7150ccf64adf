"""Records of a size that nobody meant: each is refused by name, in few words, or gets through whole."""

import json
from pathlib import Path

import pytest

from attacks import cases, untouched
from errors import BadInput
from mgm.checkpoint import load_tokenizer
from mgm.data import ConversationDataset
from mgm.training.check_data import check_dataset
from scale.size import ROOT, Ran, python, ran, sizes
from scale.test_records import sound, write_images

pytestmark = pytest.mark.attack("scale")
TEXT = "<__dj__image>\n{} <|__dj__eoc|>"
ID_LETTERS, IMAGES = 100_000, 100_000
PATCHES, MAX_LENGTH = 9, 2048
MOST_SAID, MOST_GB, MOST_PAGE = 30_000, 2.0, 3_000_000
SMALL = range(1, 41)  # ids of the records around them


def refused(size: int) -> dict[str, tuple[object, tuple[str, ...]]]:
    """What it is: (the record's changes, or the line in its stead; what must be said of it)."""
    return {
        "100,000 images": ({"images": ["images/0.jpg"] * IMAGES}, ("100000 images and 1 placeholders",)),
        "100,000 placeholders": ({"text": "<image>" * IMAGES}, ("1 images and 100000 placeholders",)),
        "a path of one name": ({"images": [f"images/{'p' * ID_LETTERS}.jpg"]}, ("cannot be read", "p.jpg")),
        "a path of many folders": ({"images": ["a/" * 50_000 + "p.jpg"]}, ("cannot be read", "a/p.jpg")),
        "a bad record with a long id": (
            {"id": "k" * ID_LETTERS, "images": []},
            ("id kkkkk", "no image", " more)"),
        ),
        "a line that does not end": ('{"id": "1", "text": "' + "q" * size, ("not valid JSON",)),
        "a list nested without end": ("[" * ID_LETTERS, ("not valid JSON", "recursion")),
        "a number without end": ("9" * ID_LETTERS, ("not valid JSON", "digits")),
        "a caption of nothing but blanks": ({"text": TEXT.format(" " * size)}, ("empty caption",)),
    }


def survivors(size: int) -> dict[str, dict]:
    """Records that are in order, whatever their size."""
    return {
        "a caption of many words": {"text": TEXT.format("word " * (size // 5))},
        "a caption of one word": {"text": TEXT.format("x" * size)},
        "an id of many letters": {"id": "i" * ID_LETTERS},
        "a field that nobody reads": {"extra": "y" * size},
    }


def write(folder: Path, giants: list[object]) -> Path:
    """A seed of small records with the giants in their midst, and its stage_1.json."""
    write_images(folder / "images")
    rows = [sound(number) for number in SMALL]
    records: list[object] = [rows[0] | giant if isinstance(giant, dict) else giant for giant in giants]
    for number, record in enumerate(records):
        if isinstance(record, dict) and record["id"] == rows[0]["id"]:
            record["id"] = f"giant-{number}"
    lines = [*rows[:5], *records, *rows[5:]]
    path = folder / "seed.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "that"}]
    known = [line for line in lines if isinstance(line, dict)]
    samples = [{"id": line["id"], "conversations": turns, "image": "images/0.jpg"} for line in known]
    (folder / "stage_1.json").write_text(json.dumps(samples))
    return path


def synthesise(folder: Path, *options: object) -> Ran:
    given = ("--recipe", ROOT / "configs/recipes/seed.yaml", "--seed", folder / "seed.jsonl", *options)
    given += ("--output", folder / "run/synth.jsonl", "--ledger", folder / "run/ledger.jsonl")
    return ran("bash", ROOT / "scripts/synth.sh", *given)


def check_data(folder: Path, *models: object) -> Ran:
    given = ("--seed", folder / "seed.jsonl", "--stage1", folder / "stage_1.json", *models)
    return python("check_data.py", *given, "--output", folder / "check-data.jsonl")


def require_brief(done: Ran, lines: dict[int, tuple[str, ...]]) -> None:
    """It says its words of each of ``lines``, and little in all."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said and len(said) < MOST_SAID and done.gb < MOST_GB
    for number, words in lines.items():
        [line] = [
            line for line in said.splitlines() if f"seed.jsonl:{number}: " in line and "warning" not in line
        ]
        assert all(word in line for word in words), line


@sizes(500_000, 50_000_000)
def test_what_cannot_be_used_is_named_in_a_few_words(tmp_path, size, record_property):
    table = refused(size)
    cases(record_property, 2 * len(table))
    write(tmp_path, [changes for changes, _ in table.values()])
    lines = dict(enumerate((words for _, words in table.values()), start=6))
    with untouched(tmp_path / "images"):
        done = synthesise(tmp_path)
        assert done.returncode == 1
        require_brief(done, lines)
        assert not list((tmp_path / "run").glob("*.json*"))
        done = check_data(tmp_path)
        assert done.returncode == 1 and f"{len(table)} faults" in done.stderr
        require_brief(done, lines)


@sizes(1_000_000, 50_000_000)
def test_what_can_be_used_gets_through_whole_up_to_the_training(tmp_path, standin, size, record_property):
    table = survivors(size)
    cases(record_property, 4 * len(table))
    write(tmp_path, list(table.values()))
    done = synthesise(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    require_brief(done, {})
    rows = [json.loads(line) for line in (tmp_path / "run/ledger.jsonl").read_text().splitlines()]
    assert len(rows) == len(SMALL) + len(table) and {row["outcome"] for row in rows} == {"kept"}

    llava = tmp_path / "run/synth.llava.json"
    given = (
        "--synth",
        tmp_path / "run/synth.jsonl",
        "--stage1",
        tmp_path / "stage_1.json",
        "--output",
        llava,
    )
    done = python("dj_to_llava.py", *given)
    assert done.returncode == 0, done.stderr[-3000:]
    samples = json.loads(llava.read_text())
    assert [sample["id"] for sample in samples] == [row["id"] for row in rows]
    assert len(samples[6]["conversations"][1]["value"]) == size

    given = ("--ledger", tmp_path / "run/ledger.jsonl", "--summary", tmp_path / "run/synth.summary.json")
    given += ("--recipe", ROOT / "configs/recipes/seed.yaml", "--seed", tmp_path / "seed.jsonl")
    done = python("synth_report.py", *given, "--output", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "page.html").stat().st_size < MOST_PAGE

    tower = standin("clip-vit-large-patch14-336")
    done = check_data(tmp_path, "--llm", standin("gemma-2b-it"), "--vision_tower", tower)
    assert done.returncode == 1 and "2 faults" in done.stderr
    require_brief(done, {6: ("id giant-0", "exceed model_max_length"), 7: ("id giant-1", "exceed")})
    require_refused_before_training(llava, tmp_path, standin)


def require_refused_before_training(llava: Path, folder: Path, standin) -> None:
    """The training names the two that are too long, and no other."""
    tokenizer = load_tokenizer(standin("gemma-2b-it"), MAX_LENGTH)
    with pytest.raises(BadInput) as refusal:
        check_dataset(ConversationDataset(llava, folder, tokenizer, None), PATCHES, MAX_LENGTH)
    said = str(refusal.value)
    assert len(said) < MOST_SAID and "2 of 44 " in said, said
    for name in ("giant-0", "giant-1"):
        [line] = [line for line in said.splitlines() if f"{name}:" in line]
        assert f"exceed model_max_length {MAX_LENGTH}" in line
