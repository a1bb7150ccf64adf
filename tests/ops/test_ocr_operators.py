import json

import pytest
from PIL import Image, ImageDraw, ImageFont

import records
from batches import batch_of, in_batches
from ocr import Word
from ops.ocr_caption_mapper import OcrCaptionMapper
from ops.rapidocr_mapper import RapidocrMapper
from ops.watermark_filter import WatermarkFilter


@pytest.fixture
def signs(tmp_path):
    """Three records: a picture with a word, one with a watermark, one without either."""
    (tmp_path / "images").mkdir()
    lines = []
    for identity, text in (("exit", "EXIT"), ("marked", "shutterstock"), ("bare", "")):
        picture = Image.new("RGB", (400, 300), (120, 160, 200))
        ImageDraw.Draw(picture).text((40, 120), text, "white", ImageFont.load_default(48))
        picture.save(tmp_path / f"images/{identity}.png")
        record = {"id": identity, "text": records.text_of("a sign"), "images": [f"images/{identity}.png"]}
        lines.append(json.dumps(record))
    path = tmp_path / "signs.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_words_and_watermarks_are_read_once_and_kept_in_the_store(signs, tmp_path, monkeypatch):
    samples, store = batch_of(signs), str(tmp_path / "store.sqlite")
    found = in_batches(RapidocrMapper(store=store).process_batched, samples, 3)
    metas = {identity: meta for identity, (_, _, meta) in found.items()}
    [word] = json.loads(metas["exit"]["ocr_words"])
    left, top, right, bottom = word["box"]
    assert word["text"] == "EXIT" and word["confidence"] > 0.8
    assert 20 < left < 60 and 100 < top < 160 and 120 < right < 220 and 150 < bottom < 200
    assert [meta["watermark"] for meta in metas.values()] == ["", "shutterstock", ""]
    assert metas["bare"]["ocr_words"] == "[]"
    monkeypatch.setattr("ocr.Reader.read", lambda *_: pytest.fail("read an image again"))
    assert in_batches(RapidocrMapper(store=store).process_batched, samples, 1) == found


def test_watermarked_records_are_dropped_and_the_statistic_says_why():
    samples = {
        "__dj__stats__": [{}, {}],
        "__dj__meta__": [{"watermark": "alamy"}, {"watermark": ""}],
    }
    operator = WatermarkFilter()
    done = operator.compute_stats_batched(samples)
    assert done["__dj__stats__"] == [{"watermarked": True}, {"watermarked": False}]
    assert operator.process_batched(done) == [False, True]
    assert WatermarkFilter(keep=True).process_batched(done) == [True, True]


@pytest.mark.parametrize(
    ("caption", "words", "grounded", "done"),
    [
        ("a red sign", ["STOP"], 'a red sign, with the word "stop"', "words added"),
        ("a red sign.", ["STOP", "WAY"], 'a red sign, with the words "stop", "way"', "words added"),
        ("a red stop sign", ["STOP"], "a red stop sign", "unchanged"),
        ("a zoo sign", ["200"], "a zoo sign", "unchanged"),
        ("a red sign", [], "a red sign", "unchanged"),
        ("a dog - stock photo", [], "a dog", "cleaned"),
        ("a dog - stock photo", ["REX"], 'a dog, with the word "rex"', "cleaned, words added"),
        ("stock photo", [], "stock photo", "unchanged"),
    ],
)
def test_a_caption_names_what_was_read_and_no_agency(caption, words, grounded, done):
    read = [Word(text, 0.99, (0, 20 * n, 50, 20 * n + 15)) for n, text in enumerate(words)]
    assert OcrCaptionMapper().grounded(caption, read) == (grounded, done)


def test_words_that_were_read_without_confidence_are_not_named():
    assert OcrCaptionMapper().grounded("a sign", [Word("STOP", 0.7, (0, 0, 50, 15))]) == (
        "a sign",
        "unchanged",
    )
    assert OcrCaptionMapper(min_confidence=0.5).grounded("a sign", [Word("STOP", 0.7, (0, 0, 50, 15))])[
        1
    ] == ("words added")
