"""Watermarks are told from other writing, in words and in real pictures."""

import json
from pathlib import Path

import pytest
from PIL import Image

from ocr import Reader, Word
from watermarks import agency, legible, watermark

SEED_1K = Path(__file__).resolve().parents[2] / "shared/seed_1k"


def words(*texts: str, width: int = 60, confidence: float = 0.95) -> list[Word]:
    """A word a line, each ``width`` px wide."""
    return [Word(text, confidence, (5, 20 * n, 5 + width, 20 * n + 12)) for n, text in enumerate(texts)]


WATERMARKED = {
    "a name": (["gettyimages"], "gettyimages"),
    "a name misread": (["geltyimages'"], "gettyimages"),
    "a name misread twice": (["shutterstgck"], "shutterstock"),
    "a name cut off": (["dreamstim"], "dreamstime"),
    "rn for m": (["alarny"], "alamy"),
    "a copyright sign read as a letter": (["OAlamy"], "alamy"),
    "a name over two boxes": (["fineart", "america"], "fineartamerica"),
    "a name in two words": (["Adobe Stock"], "adobestock"),
    "no spaces": (["alamystockphoto"], "alamy"),
    "an address": (["www.bigstock.com·260019214"], "bigstock"),
    "behind a photographer's name": (["JUAN CARLOS/AGEFOTOSTOCK"], "agefotostock"),
    "among a sponsor's": (["COSMOPOLITAN"] * 9 + ["www.bigstock.com"], "bigstock"),
    "a site's phrase": (["protect more of your memories for less!"], "photobucket"),
    "no name": (["stock photo"], "stock photo"),
}


@pytest.mark.parametrize("case", WATERMARKED)
def test_a_stock_watermark_is_recognised(case):
    texts, name = WATERMARKED[case]
    assert watermark(words(*texts), 336, 336) == name


NOT_WATERMARKED = {
    "nothing": [],
    "a shop's sign": ["OPEN"],
    "words like an agency's": ["stock", "images", "shutter", "getty", "dream time", "Alamo"],
    "a site of its own": ["www.trendybride.net"],
    "a photographer": ["© Richard Baker"],
    "a sponsors' wall": ["COSMOPOLITAN"] * 10 + ["COVERGIRL"] * 5,
    "a set of stamps": ["BURMA"] * 6,
    "a newspaper with a sample": ["The daily news reports", "that a", "sample", "was found near the river"],
    "a page on stock photos": ["the price of a stock photo has fallen"] * 6,
    "a label's preview": ["preview", "of the new range"],
}


@pytest.mark.parametrize("case", NOT_WATERMARKED)
def test_other_writing_is_no_watermark(case):
    assert watermark(words(*NOT_WATERMARKED[case]), 336, 336) == ""


@pytest.mark.parametrize("mark", ["SAMPLE", "Preview", "WATERMARK"])
def test_a_mark_counts_when_large_or_tiled_and_not_when_small(mark):
    assert watermark(words(mark, width=200), 336, 336) == mark.lower()
    assert watermark(words(mark, mark, mark), 336, 336) == mark.lower()
    assert watermark(words(mark), 336, 336) == ""


def test_an_address_tiled_over_a_picture_is_a_watermark_and_one_in_a_document_is_not():
    assert watermark(words(*["www.shop.com"] * 4), 336, 336) == "tiled"
    assert watermark(words(*["www.shop.com"] * 3, *"abcdefgh"), 336, 336) == ""


@pytest.mark.parametrize(
    "text", ["stock", "livestock", "images", "Alamo", "a", "", "·", "overstock", "dream"]
)
def test_a_common_word_is_no_agency(text):
    assert agency(text) == ""


def test_legible_keeps_sure_words_once_and_leaves_marks_out():
    texts = [
        "EXIT",
        "exit",
        "A",
        "·",
        "3333",
        "Hotel,",
        "www.shop.com",
        "© Jim",
        "Shutterstock",
        "Red Pepper",
    ]
    assert legible(words(*texts)) == ["EXIT", "Hotel", "Red Pepper"]
    assert legible(words(*texts), most=2) == ["EXIT", "Hotel"]
    assert legible(words("SIMPLE", "PEOPLE", "sample", "Preview")) == ["SIMPLE", "PEOPLE"]
    assert legible(words("Adob", "Adobe Stock", "Berlin", "be Stock", "451760346")) == ["Berlin"]
    assert legible(words("fineart", "america", "1929")) == ["1929"]
    assert legible(words("EXIT", confidence=0.7)) == []
    assert legible(words("EXIT", confidence=0.7), min_confidence=0.6) == ["EXIT"]


@pytest.mark.skipif(not SEED_1K.is_dir(), reason="no ../shared/seed_1k")
@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("000652766", "shutterstock"),
        ("000678552", "istock"),
        ("005464767", "alamy"),
        ("001256417", "bigstock"),
        ("001818275", "adobestock"),
        ("002161055", ""),
        ("000804001", ""),
        ("001399309", ""),
    ],
)
def test_watermarks_of_real_pictures_are_recognised(identity, name):
    pytest.importorskip("rapidocr_onnxruntime")
    lines = (SEED_1K / "mgm_pretrain_stage_1_1k.jsonl").read_text(encoding="utf-8").splitlines()
    [image] = [record["images"][0] for record in map(json.loads, lines) if record["id"] == identity]
    picture = Image.open(SEED_1K / image).convert("RGB")
    assert watermark(Reader().read(picture), *picture.size) == name
