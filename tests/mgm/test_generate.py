"""Greedy answers do not depend on how they are batched."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mgm.generate import generate_answers, generate_ids

QUESTIONS = [
    "What?",
    "Which colour has the sign at the top left?",
    "Where is it – 用?",
    "Why",
    "Is it red or blue?",
]


def images() -> list[Image.Image | None]:
    random = np.random.default_rng(11)
    pictures = [
        Image.fromarray(random.integers(0, 255, (40 + 9 * i, 70, 3), dtype=np.uint8)) for i in range(5)
    ]
    return [*pictures[:3], None, pictures[4]]


@pytest.fixture(scope="module")
def one_at_a_time(tiny_loaded):
    return generate_ids(tiny_loaded, QUESTIONS, images(), 12, batch_size=1)


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("batch_size", [2, 3, 5])
def test_answers_are_the_same_for_any_batch_size_order_and_padding_side(
    tiny_loaded, one_at_a_time, batch_size, padding_side
):
    order = [3, 0, 4, 2, 1]
    questions, pictures = [QUESTIONS[i] for i in order], [images()[i] for i in order]
    answers = generate_ids(tiny_loaded, questions, pictures, 12, batch_size, padding_side)
    assert answers == [one_at_a_time[i] for i in order]


def test_an_answer_ends_at_eos_while_others_go_on(tiny_loaded, one_at_a_time):
    # Make the token that row 0 gives third the end token: rows end at different steps.
    eos = one_at_a_time[0][2]
    tokenizer = copy.deepcopy(tiny_loaded.tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(eos)
    loaded = replace(tiny_loaded, tokenizer=tokenizer)
    wanted = [ids[: ids.index(eos)] if eos in ids else ids for ids in one_at_a_time]
    assert len(wanted[0]) < 3
    assert generate_ids(loaded, QUESTIONS, images(), 12, batch_size=5) == wanted


def test_the_cache_gives_what_a_whole_pass_gives(tiny_loaded, one_at_a_time):
    from mgm.generate import embed_prompts, encode_question

    prompt = encode_question(tiny_loaded, QUESTIONS[1], has_image=True)
    longer = [[*prompt, *one_at_a_time[1][:-1]]]
    spliced = embed_prompts(tiny_loaded, longer, [images()[1]], "left")
    with torch.no_grad():
        logits = tiny_loaded.model(inputs_embeds=spliced.embeds, attention_mask=spliced.mask).logits
    assert logits[0, -len(one_at_a_time[1]) :].argmax(-1).tolist() == one_at_a_time[1]


def test_texts_are_stripped_and_without_special_tokens(tiny_loaded):
    for text in generate_answers(tiny_loaded, QUESTIONS, images(), 12):
        assert text == text.strip() and "<eos>" not in text and "<pad>" not in text
