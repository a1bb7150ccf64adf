"""Words are read from pictures, and put in order."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr import Reader, Word, in_reading_order


def test_words_are_ordered_by_line_and_then_from_left_to_right():
    placed = {"b": (50, 8, 80, 20), "a": (5, 10, 40, 22), "d": (60, 44, 90, 56), "c": (5, 40, 40, 52)}
    shuffled = [Word(text, 0.9, box) for text, box in placed.items()]
    assert [word.text for word in in_reading_order(shuffled)] == ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def reader() -> Reader:
    pytest.importorskip("rapidocr_onnxruntime")
    return Reader()


@pytest.mark.parametrize(
    ("size", "at"), [((96, 96), (34, 40)), ((300, 40), (200, 15)), ((40, 700), (6, 600))]
)
def test_a_drawn_word_is_read_where_it_stands(reader, size, at):
    picture = Image.new("RGB", size, "white")
    font = ImageFont.load_default_imagefont()
    ImageDraw.Draw(picture).text(at, "BREAD", fill="black", font=font)
    left, top, right, bottom = font.getbbox("BREAD")
    expected = (at[0] + left, at[1] + top, at[0] + right, at[1] + bottom)
    [word] = reader.read(picture)
    assert word.text == "BREAD" and 0.8 < word.confidence <= 1
    assert word.box == pytest.approx(expected, abs=5)
    assert reader.read(picture) == [word]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 900), (900, 1), (2500, 20)])
def test_a_picture_of_any_shape_without_words_gives_none(reader, size):
    assert reader.read(Image.new("RGB", size, "grey")) == []
