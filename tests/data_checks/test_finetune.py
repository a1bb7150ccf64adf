"""Finetuning sets: what the training would refuse is named before, with its line."""

import json

import pytest

from data_checks.finetune import check_finetune
from data_checks.samples import Ruler

HUMAN, GPT = {"from": "human", "value": "<image>\nWhich?"}, {"from": "gpt", "value": "red"}
TEXT = [{"from": "human", "value": "Which?"}, GPT]
FAULTS = [
    ("text", "a JSON object"),
    ({"conversations": None}, "conversations must be a list"),
    ({"conversations": [HUMAN]}, "turns must alternate human, gpt"),
    ({"conversations": [HUMAN, GPT, GPT, HUMAN]}, "turns must alternate human, gpt"),
    ({"conversations": [HUMAN, {"from": "gpt", "value": " "}]}, "empty answer"),
    ({"conversations": [HUMAN, {"from": "gpt", "value": "a <image>"}]}, "an answer holds <image>"),
    ({"conversations": TEXT}, "0 image placeholders for 1 images"),
    ({"conversations": [HUMAN, GPT, HUMAN, GPT]}, "2 image placeholders for 1 images"),
    ({"image": ["images/1.png", "images/2.png"]}, "image must be one path"),
    ({"image": None}, "image must be one path"),
    ({"image": "images/gone.png"}, "is missing"),
    ({"image": "images/empty.png"}, "is empty (0 bytes)"),
    ({"image": "images/cut.png"}, "cannot be read"),
    ({"image": "/tmp/1.png"}, "is an absolute path"),
    ({"image": "images/\0.png"}, "cannot be read (embedded null byte)"),
    ({"image": "images/\ud800.png"}, "cannot be read ('utf-8' codec"),
    ({"conversations": [HUMAN, {"from": "gpt", "value": "\ud800"}]}, "half a character"),
]
LONG = [HUMAN, {"from": "gpt", "value": "x " * 3000}]
LONG_QUESTION = [{"from": "human", "value": "<image>\n" + "x " * 3000}, GPT]


def written(folder, *entries):
    path = folder / "ft.json"
    path.write_text("[" + ",\n".join(json.dumps(entry) for entry in entries) + "]")
    return path


def sample(number, **changes):
    return {"id": str(number), "image": f"images/{number}.png", "conversations": [HUMAN, GPT], **changes}


def of_set(found, path, ruler=None):
    return found(check_finetune, path, after=(ruler, None))


@pytest.fixture(scope="session")
def rulers(standin):
    models = standin("gemma-2b-it"), standin("clip-vit-large-patch14-336")
    return {cut: Ruler(*models, 2048, cut) for cut in (None, False, True) if cut is not None} | {None: None}


@pytest.mark.parametrize("measured", [None, False])
@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_a_sample_that_cannot_be_trained_on_is_named_with_and_without_a_tokenizer(
    pictures, found, rulers, change, words, measured
):
    bad = sample(1, **change) if isinstance(change, dict) else change
    findings = of_set(found, written(pictures, sample(0), bad, sample(2)), rulers[measured])
    (finding,) = [finding for finding in findings if finding["severity"] == "fault"]
    assert words.replace("a JSON", "not a JSON") in finding["message"] and finding["line"] == 2
    assert finding["id"] == ("1" if isinstance(change, dict) else "#1")


@pytest.mark.parametrize(
    ("turns", "cut", "words", "severity"),
    [
        (LONG, False, "exceed model_max_length 2048", "fault"),
        (LONG, True, "it is cut to 2048 tokens", "warning"),
        (LONG_QUESTION, True, "nothing of the answer is left within 2048 tokens", "fault"),
    ],
)
def test_a_sample_over_the_limit_is_a_fault_unless_it_may_be_cut(
    pictures, found, rulers, turns, cut, words, severity
):
    path = written(pictures, sample(0), sample(1, conversations=turns))
    (finding,) = of_set(found, path, rulers[cut])
    assert words in finding["message"] and finding["severity"] == severity and finding["id"] == "1"


def test_a_mask_that_would_train_on_nothing_is_a_fault(pictures, found, rulers, monkeypatch):
    monkeypatch.setattr("mgm.data.encode", lambda *args: ([2, 7, 1], [-100, -100, -100]))
    (finding,) = of_set(found, written(pictures, sample(0)), rulers[False])
    assert "no supervised token" in finding["message"] and finding["id"] == "0"


def test_an_id_that_stands_twice_is_a_warning_for_the_training_takes_it(pictures, found):
    (finding,) = of_set(found, written(pictures, sample(0), sample(1), sample(2, id="0")))
    assert finding["severity"] == "warning" and finding["line"] == 3
    assert "stands on line 1 already" in finding["message"]


@pytest.mark.parametrize(
    ("text", "words"), [("[]", "no sample"), ("{}", "not valid JSON"), ("", "not valid JSON")]
)
def test_a_file_without_samples_is_a_fault(pictures, found, text, words):
    path = pictures / "ft.json"
    path.write_text(text)
    (finding,) = of_set(found, path)
    assert words in finding["message"]


def test_nothing_is_said_of_rounds_samples_of_text_and_other_releases_names(pictures, found, rulers):
    (pictures / "ocr_vqa").mkdir()
    (pictures / "images/9.png").rename(pictures / "ocr_vqa/9.png")
    entries = [sample(0, conversations=[HUMAN, GPT, *TEXT, *TEXT]), {"id": "t", "conversations": TEXT}]
    entries.append(sample(9, image="ocr_vqa/9.jpg"))
    assert of_set(found, written(pictures, *entries), rulers[False]) == []
