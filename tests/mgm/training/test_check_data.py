"""Every sample is looked at before the first step."""

import json
import re

import pytest

from errors import BadInput
from mgm.data import ConversationDataset
from mgm.training.check_data import check_dataset

PATCHES = 16


def dataset_of(records, folder, loaded, name="data.json") -> ConversationDataset:
    path = folder / name
    path.write_text(json.dumps(records))
    return ConversationDataset(path, folder, loaded.tokenizer, loaded.image_processor)


def record(identity: str, image: str | None = None, answer: str = "red") -> dict:
    turns = [{"from": "human", "value": "<image>\nq" if image else "q"}, {"from": "gpt", "value": answer}]
    return {"id": identity, "conversations": turns} | ({"image": image} if image else {})


def test_good_data_passes_and_stays_encoded(tiny_data, tiny_loaded):
    dataset = ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )
    check_dataset(dataset, PATCHES, 512)
    assert all(dataset.encoded)


def test_every_bad_sample_is_named_at_once_with_its_reason(tmp_path, tiny_loaded):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "html.jpg").write_text("<html>")
    records = [
        record("good"),
        record("no-file", "gone.jpg"),
        record("zero", "empty.jpg"),
        record("html", "html.jpg"),
        record("silent", answer=" "),
        record("long", answer="x" * 500),
        {"id": "no-turns"},
        record("two") | {"image": ["a.jpg", "b.jpg"], "conversations": record("x", "y")["conversations"]},
        "text",
    ]
    with pytest.raises(BadInput) as error:
        check_dataset(dataset_of(records, tmp_path, tiny_loaded), PATCHES, 512)
    message = str(error.value)
    assert f"{tmp_path}/data.json: 8 of 9 samples cannot be trained on" in message
    for words in (
        f"id no-file: image {tmp_path}/gone.jpg is missing",
        "id zero: image .*empty.jpg is empty",
        "id html: image .*html.jpg cannot be read",
        "id silent: empty answer",
        "id long: .* exceed model_max_length 512",
        "id no-turns: conversations must be a list",
        "id two: image must be one path",
        "id #8: not a JSON object",
    ):
        assert any(re.search(words, line) for line in message.splitlines()), words
    assert "id good" not in message


def test_more_than_twenty_bad_samples_are_all_listed_by_id(tmp_path, tiny_loaded):
    with pytest.raises(BadInput) as error:
        check_dataset(
            dataset_of([record(f"n{i}", "gone.jpg") for i in range(30)], tmp_path, tiny_loaded), PATCHES, 512
        )
    message = str(error.value)
    assert message.count("is missing") == 20
    assert message.endswith("ids: " + ", ".join(f"n{i}" for i in range(30)))


def test_the_length_counts_the_images_features(tmp_path, tiny_loaded, tiny_data):
    dataset = dataset_of([record("a", "images/0.png")], tiny_data, tiny_loaded, "one.json")
    length = len(dataset.encode(0)[0]) + PATCHES - 1
    check_dataset(dataset, PATCHES, length)
    with pytest.raises(
        BadInput, match=f"{length} tokens, image included, exceed model_max_length {length - 1}"
    ):
        check_dataset(dataset, PATCHES, length - 1)


def test_a_long_sample_loses_its_end_where_that_is_asked_for(tmp_path, tiny_loaded, tiny_data, capsys):
    samples = [record("long", "images/0.png", "x" * 90), record("text", answer="x" * 90), record("short")]
    path = dataset_of(samples, tiny_data, tiny_loaded, "long.json").path
    whole = ConversationDataset(path, tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor)
    for cut_to, longest in (((70 - PATCHES + 1, 70), 70),):
        with pytest.raises(BadInput, match="--cut_long_samples True"):
            check_dataset(whole, PATCHES, longest)
        cut = ConversationDataset(path, tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor, cut_to)
        check_dataset(cut, PATCHES, longest)
    assert [len(cut.encode(i)[0]) for i in range(2)] == [70 - PATCHES + 1, 70]
    for i in range(3):
        for mine, theirs in zip(cut.encode(i), whole.encode(i), strict=True):
            assert mine == theirs[: len(mine)]
    assert cut.encode(2) == whole.encode(2)
    assert "2 samples are cut to 70 tokens: long, text" in capsys.readouterr().err
    short = ConversationDataset(path, tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor, (5, 20))
    with pytest.raises(BadInput, match="nothing of the answer is left within 20 tokens"):
        check_dataset(short, PATCHES, 20)


def test_a_mask_that_would_train_on_nothing_is_an_error(tiny_data, tiny_loaded, monkeypatch):
    dataset = ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )
    monkeypatch.setattr(dataset, "encode", lambda i: ([2, 7, 1], [-100, -100, -100]))
    with pytest.raises(BadInput, match="id id-0: no supervised token"):
        check_dataset(dataset, PATCHES, 512)


@pytest.mark.parametrize(
    ("content", "message"), [("[]", "must not be empty"), ("{}", "a JSON list"), ("[", "not valid")]
)
def test_a_file_without_records_is_an_error(tmp_path, tiny_loaded, content, message):
    (tmp_path / "d.json").write_text(content)
    with pytest.raises(BadInput, match=message):
        ConversationDataset(tmp_path / "d.json", None, tiny_loaded.tokenizer, tiny_loaded.image_processor)


def test_other_releases_file_names_are_found_as_the_official_loader_does(tmp_path, tiny_loaded):
    for name in ("ocr_vqa/1.png", "vg/images/2.jpg", "vg/VG_100K/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = ["ocr_vqa/1.jpg", "vg/VG_100K_2/2.jpg", "vg/VG_100K/3.jpg", "ocr_vqa/4.jpg"]
    dataset = dataset_of([record(str(i), name) for i, name in enumerate(names)], tmp_path, tiny_loaded)
    found = [str(dataset.image_path(i).relative_to(tmp_path)) for i in range(4)]
    assert found == ["ocr_vqa/1.png", "vg/images/2.jpg", "vg/VG_100K/3.jpg", "ocr_vqa/4.jpg"]
