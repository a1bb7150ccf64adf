"""Captions lose agencies' phrases, and nothing else."""

import pytest

from stock_phrases import strip_stock_phrases

STRIPPED = {
    "a dog - stock photo": "a dog",
    "a dog - stock photo - images": "a dog",
    "a dog - , stock photo": "a dog",
    "A dog stock photo.": "A dog.",
    "a dog, stock photo, on grass": "a dog, on grass",
    "stock photo of a dog": "a dog",
    "Stock photo: a dog": "a dog",
    "a royalty free stock image of a dog": "a dog",
    "Image of a dog - Stock Photo": "a dog",
    "a cottage - england stock pictures and photos": "a cottage - england",
    "a tree in the snow royalty illustration royalty illustration": "a tree in the snow",
    "vector christmas card with firs stock vector - 1351623": "vector christmas card with firs",
    "a red rose on white | Shutterstock": "a red rose on white",
    "a cat © Alamy Stock Photo": "a cat",
    "a man (Photo by John Doe/Getty Images)": "a man",
    "a man in a hat via Getty Images": "a man in a hat",
    "beach in spain / iStock": "beach in spain",
    "a vector image of a heart": "a heart",
    "a blank frame, vector eps 10": "a blank frame",
    "download this stock vector: cat icon": "cat icon",
    "a cup of tea in a royalty free image": "a cup of tea",
    'dogs "stock photo"': "dogs",
    "stock photo": "",
    "Royalty-free stock photos and images": "",
    "Download this image now": "",
    "photo by Jim / Getty Images": "",
    "stock vector - 1351623": "",
}


@pytest.mark.parametrize("caption", STRIPPED)
def test_stock_phrases_go_and_punctuation_is_mended(caption):
    assert strip_stock_phrases(caption) == STRIPPED[caption]
    assert strip_stock_phrases(STRIPPED[caption]) == STRIPPED[caption]


UNTOUCHED = [
    "a dog  on grass , with a ball - ",
    "image of a dog",
    "a man stocking shelves",
    "rolling stock photo",
    "in-stock photo frames",
    "livestock photos",
    "getty museum in los angeles",
    "an illustration of a vector",
    "the royalty of spain",
    "download this app",
    "- größer 猫 …",
    "",
]


@pytest.mark.parametrize("caption", UNTOUCHED)
def test_a_caption_without_stock_phrases_stays_as_it_is(caption):
    assert strip_stock_phrases(caption) == caption
