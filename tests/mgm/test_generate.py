"""Greedy answers do not depend on how they are batched, nor on what questions share a picture."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from batched_answers import batched_answers
from mgm import generate
from mgm.generate import as_texts, encode_question
from plain_answers import embed_whole, plain_answers

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


def mixed() -> tuple[list[str], list[Image.Image | None]]:
    """14 questions: three pictures shared by several, one of one pixel, and some without."""
    a, b, _, _, c = images()
    dot = Image.new("RGB", (1, 1), (200, 30, 90))
    pictures = [a, None, b, a, dot, a, None, c, b, a, dot, None, a, b]
    return [QUESTIONS[k % 5] + " Say it." * (k * 5 % 7) for k in range(len(pictures))], pictures


@pytest.fixture(scope="module")
def loaded(tiny_loaded):
    """The tiny model with a head of its own: one tied to the embeddings repeats the prompt's last token."""
    model = copy.deepcopy(tiny_loaded.model)
    model.lm_head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size, bias=False)
    torch.nn.init.normal_(model.lm_head.weight, generator=torch.Generator().manual_seed(9))
    return replace(tiny_loaded, model=model.eval())


@pytest.fixture(scope="module")
def one_at_a_time(loaded):
    return plain_answers(loaded, QUESTIONS, images(), 12)


@pytest.fixture(scope="module")
def mixed_one_at_a_time(loaded):
    return plain_answers(loaded, *mixed(), 12)


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("batch_size", [2, 3, 5])
def test_answers_are_the_same_for_any_batch_size_order_and_padding_side(
    loaded, one_at_a_time, batch_size, padding_side
):
    order = [3, 0, 4, 2, 1]
    questions, pictures = [QUESTIONS[i] for i in order], [images()[i] for i in order]
    answers = batched_answers(loaded, questions, pictures, 12, batch_size, padding_side)
    assert answers == [one_at_a_time[i] for i in order]


def test_an_answer_ends_at_eos_while_others_go_on(loaded, one_at_a_time):
    # Make the token that row 0 gives third the end token: rows end at different steps.
    eos = one_at_a_time[0][2]
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(eos)
    ending = replace(loaded, tokenizer=tokenizer)
    wanted = [ids[: ids.index(eos)] if eos in ids else ids for ids in one_at_a_time]
    assert len(wanted[0]) < 3
    assert batched_answers(ending, QUESTIONS, images(), 12, batch_size=5) == wanted


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 8, 32])
def test_shared_pictures_and_questions_without_one_are_answered_as_one_at_a_time(
    loaded, mixed_one_at_a_time, batch_size, padding_side
):
    assert batched_answers(loaded, *mixed(), 12, batch_size, padding_side) == mixed_one_at_a_time
    assert len(set(map(tuple, mixed_one_at_a_time))) > 7  # or equal answers would prove nothing


@pytest.mark.parametrize("batch_size", [1, 32])
def test_one_question_and_questions_without_any_picture_are_answered(loaded, batch_size):
    for questions, pictures in ((QUESTIONS[:1], images()[:1]), (QUESTIONS, [None] * 5)):
        wanted = plain_answers(loaded, questions, pictures, 12)
        assert batched_answers(loaded, questions, pictures, 12, batch_size) == wanted


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("part", ["read_pictures", "pad"])
def test_a_mask_that_hides_nothing_would_be_seen(
    monkeypatch, loaded, mixed_one_at_a_time, part, padding_side
):
    true = getattr(generate, part)

    def wrong(*args):
        made = true(*args)
        return torch.ones_like(made) if part == "read_pictures" else (made[0], torch.ones_like(made[1]))

    monkeypatch.setattr(generate, part, wrong)
    assert batched_answers(loaded, *mixed(), 12, 32, padding_side) != mixed_one_at_a_time


def test_each_picture_passes_the_towers_once_and_its_prefix_the_decoder(monkeypatch, loaded):
    questions, pictures = mixed()
    towers, prefixes = [], []
    model = loaded.model
    encode, read = model.encode_images, model.model.forward

    def encoding(low, high):
        towers.append(len(low))
        return encode(low, high)

    def reading(**given):
        if given.get("inputs_embeds") is not None:
            prefixes.append(given["inputs_embeds"].shape[:2])
        return read(**given)

    monkeypatch.setattr(model, "encode_images", encoding)
    monkeypatch.setattr(model.model, "forward", reading)
    batched_answers(loaded, questions, pictures, 12, batch_size=32)
    slot = encode_question(loaded, "?", True).index(-200)
    assert (towers, prefixes) == ([4], [(4, slot + 16)])


def test_prompts_that_differ_before_the_picture_are_no_prefix(loaded):
    prompts = [encode_question(loaded, question, True) for question in QUESTIONS[:2]]
    prompts[1][1] += 1
    pixels = loaded.image_processor(images()[0])
    with pytest.raises(AssertionError, match="differ before the picture"):
        generate.generate_batch(loaded, prompts, [pixels, pixels], 3)


def test_the_cache_gives_what_a_whole_pass_gives(loaded, one_at_a_time):
    prompt = encode_question(loaded, QUESTIONS[1], has_image=True)
    embeds = embed_whole(loaded, [*prompt, *one_at_a_time[1][:-1]], images()[1])
    with torch.no_grad():
        logits = loaded.model(inputs_embeds=embeds).logits
    assert logits[0, -len(one_at_a_time[1]) :].argmax(-1).tolist() == one_at_a_time[1]


def test_texts_are_stripped_and_without_special_tokens(loaded):
    for text in as_texts(loaded, batched_answers(loaded, QUESTIONS, images(), 12)):
        assert text == text.strip() and "<eos>" not in text and "<pad>" not in text
