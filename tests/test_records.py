import pytest

from records import caption_of, text_of


@pytest.mark.parametrize("caption", ["a red cube", "größer – 猫 \u2028 \U0001f600", '{"quoted"}', "a  b"])
def test_a_caption_survives_the_way_into_a_text_and_back(caption):
    assert caption_of(text_of(caption)) == caption
