"""Dialogues to ids and labels."""

import pytest

from errors import BadInput
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.conversation import encode, place_image, prompt


def turns(*values: str) -> list[dict]:
    return [{"from": ("human", "gpt")[i % 2], "value": value} for i, value in enumerate(values)]


def test_labels_are_the_answers_with_their_end_and_nothing_else(tiny_loaded):
    tokenizer = tiny_loaded.tokenizer
    dialogue = turns("Is it red?\n<image>", "no – bleu", "And\nthis?", "\n 用")
    input_ids, labels = encode(dialogue, tokenizer, has_image=True)
    assert input_ids.count(IMAGE_TOKEN_INDEX) == 1
    assert input_ids[0] == tokenizer.bos_token_id and input_ids[-1] == tokenizer.eos_token_id
    assert all(label in (IGNORE_INDEX, token) for token, label in zip(input_ids, labels, strict=True))
    supervised = tokenizer.decode([label for label in labels if label != IGNORE_INDEX])
    assert supervised == "no – bleu<end_of_turn>\n<eos>\n 用<end_of_turn>\n<eos>"
    ignored = tokenizer.decode([t for t, label in zip(input_ids, labels, strict=True) if label < 0 <= t])
    assert ignored == (
        "<bos><start_of_turn>user\n\nIs it red?<end_of_turn>\n<start_of_turn>model\n"
        "<start_of_turn>user\nAnd\nthis?<end_of_turn>\n<start_of_turn>model\n"
    )


def test_the_placeholder_moves_to_the_front_of_its_turn():
    assert place_image("What\n<image>\nis it?  ") == "<image>\nWhat\n\nis it?"
    assert place_image("No image here. ") == "No image here. "


def test_a_prompt_is_the_front_of_a_training_text(tiny_loaded):
    tokenizer = tiny_loaded.tokenizer
    text = prompt("What?", has_image=False)
    ids, _ = encode(turns("What?", "x"), tokenizer, has_image=False)
    front = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert ids[: len(front)] == front


@pytest.mark.parametrize(
    ("dialogue", "has_image", "message"),
    [
        (turns("<image>\nq", ""), True, "empty answer"),
        (turns("<image>\nq", " \n"), True, "empty answer"),
        (turns("q", "a"), True, "0 image placeholders for 1 images"),
        (turns("<image>", "a", "<image>", "b"), True, "2 image placeholders for 1 images"),
        (turns("<image>q", "a"), False, "1 image placeholders for 0 images"),
        (turns("q", "an <image>"), False, "an answer holds"),
        (turns("q"), False, "must alternate"),
        ([], False, "must alternate"),
        (turns("q", "a")[::-1], False, "must alternate"),
        ([{"from": "human"}], False, "list of"),
        (None, False, "list of"),
    ],
)
def test_a_dialogue_that_cannot_be_trained_on_is_an_error(tiny_loaded, dialogue, has_image, message):
    with pytest.raises(BadInput, match=message):
        encode(dialogue, tiny_loaded.tokenizer, has_image)
