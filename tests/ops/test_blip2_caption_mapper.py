import json
from pathlib import Path

import pytest
import torch

import records
from batches import batch_of, in_batches
from errors import BadInput
from ops.blip2_caption_mapper import Blip2CaptionMapper
from ops.captions import caption_fault, seeded_sampling

BLIP2 = "blip2-opt-2.7b"


@pytest.mark.parametrize(
    ("caption", "fault"),
    [
        ("a red cube on a table", None),
        ("", "empty"),
        (" . ", "empty"),
        ("an old photo of an old photo", "echoes the prompt"),
        ("caste caste caste", "repeats"),
        ("a man in a man in a man in", "repeats"),
        ("ilkilkilkilkilkilk", "repeats"),
        ("red sign, blue sign, red cube, blue cube", None),
        ("the year 2000000", None),
        ("caf\ufffd", "broken characters"),
        ("an <image> of", "special token"),
        ("a dog on a beach - stock photo", "boilerplate"),
        ("royalty-free vector", "boilerplate"),
        ("photographs in stock at a shop", None),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", "too long"),
    ],
)
def test_a_caption_that_is_no_caption_is_told_from_one_that_is(caption, fault):
    assert caption_fault(caption, "an old photo of", max_words=12) == fault


def test_a_caption_that_was_stopped_in_the_middle_is_too_long():
    assert caption_fault("a red cube on", ended=False) == "too long"


def test_captions_are_the_same_for_any_batch_size_and_order(world_seed, standin):
    samples = batch_of(world_seed(40))
    whole = None
    for size in (1, 7, 32):
        operator = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=size)
        for records_at_once, backwards in ((40, False), (7, True)):
            found = in_batches(operator.process_batched, samples, records_at_once, backwards)
            whole = whole or found
            assert found == whole
    assert {meta["caption_check"] for *_, meta in whole.values()} == {"ok"}
    assert len({text for text, *_ in whole.values()}) == 40


def test_candidates_are_drawn_by_the_records_id_alone(world_seed, standin):
    samples = batch_of(world_seed(12))
    options = {"candidates": 3, "temperature": 3.0, "top_p": 1.0, "max_new_tokens": 12, "max_words": 99}
    made = [
        Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=size, random_seed=seed, **options)
        for size, seed in ((12, 1), (5, 1), (12, 2))
    ]
    for operator in made:
        operator.fault = lambda caption, ended: None  # whatever it says
    first, again, other = (
        in_batches(operator.process_batched, samples, size, backwards)
        for operator, size, backwards in zip(made, (12, 5, 12), (False, True, False), strict=True)
    )
    assert first == again
    candidates, others = (
        {name: json.loads(meta["caption_candidates"]) for name, (_, _, meta) in found.items()}
        for found in (first, other)
    )
    assert all(captions[0] in first[name][0] for name, captions in candidates.items())
    assert sum(len(captions) == 3 for captions in candidates.values()) > 6, "samples differ from each other"
    assert all(captions[0] == others[name][0] for name, captions in candidates.items()), "the greedy one"
    assert any(captions[1:] != others[name][1:] for name, captions in candidates.items())


def test_seeded_sampling_draws_with_the_models_probabilities():
    logits = torch.tensor([2.0, 1.0, 0.0, -30.0])
    names = [str(n) for n in range(4000)]
    drawn = seeded_sampling(names, temperature=2.0, top_p=1.0)(None, logits.expand(4000, 4)).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, (logits / 2).softmax(0), atol=0.03)
    again = seeded_sampling(names[::-1], temperature=2.0, top_p=1.0)(None, logits.expand(4000, 4)).argmax(1)
    assert torch.equal(again.flip(0), drawn)


def test_a_rejected_caption_leaves_the_record_as_it_was(world_seed, standin, monkeypatch):
    samples = batch_of(world_seed(4))
    operator = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=4)
    said = [("a cube", True), ("star star star", True), ("", True), ("a dog, stock photo", True)]
    monkeypatch.setattr(operator.blip2, "check", lambda rank: None)
    monkeypatch.setattr(operator.blip2, "generate", lambda images, rank, names: said)
    before = list(samples["text"])
    done = operator.process_batched(samples)
    assert done["text"] == [records.text_of("a cube"), *before[1:]]
    checks = [meta["caption_check"] for meta in done["__dj__meta__"]]
    assert checks == ["ok", "repeats", "empty", "boilerplate"]
    assert done["__dj__meta__"][0]["caption_before"] == records.caption_of(before[0])


def test_a_usable_candidate_stands_in_for_a_rejected_one(world_seed, standin, monkeypatch):
    samples = batch_of(world_seed(2))
    operator = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=2, candidates=2)
    said = iter([[("", True), ("a cube", True)], [("a star", True), ("a cube", True)]])
    monkeypatch.setattr(operator.blip2, "check", lambda rank: None)
    monkeypatch.setattr(operator.blip2, "generate", lambda images, rank, names: next(said))
    done = operator.process_batched(samples)
    assert done["text"] == [records.text_of("a star"), records.text_of("a cube")]
    assert [json.loads(meta["caption_candidates"]) for meta in done["__dj__meta__"]] == [
        ["a star"],
        ["a cube"],
    ]


def test_only_records_below_the_limit_are_captioned(world_seed, standin):
    samples = batch_of(world_seed(3))
    samples["__dj__stats__"] = [{"rank": 0.2}, {"rank": 0.9}, {"rank": 0.5}]
    before = list(samples["text"])
    operator = Blip2CaptionMapper(hf_blip2=standin(BLIP2), where="rank", where_max=0.5, model_batch_size=2)
    done = operator.process_batched(samples)
    assert [meta["caption_check"] for meta in done["__dj__meta__"]] == ["ok", "not asked", "ok"]
    assert done["text"][1] == before[1]


def test_a_prompt_is_continued_and_not_part_of_the_caption(world_seed, standin):
    samples = batch_of(world_seed(4))
    asked = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=4, prompt="top left red")
    for text, *_ in in_batches(asked.process_batched, samples, 4).values():
        assert not records.caption_of(text).startswith("top left red top left red")


def test_a_model_that_cannot_caption_is_refused_before_it_costs_anything(world_seed, standin, tmp_path):
    from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForConditionalGeneration

    model = Blip2ForConditionalGeneration.from_pretrained(standin(BLIP2))
    torch.nn.init.zeros_(model.language_projection.weight)
    torch.nn.init.normal_(model.language_model.model.decoder.embed_tokens.weight)
    for part in (
        model,
        AutoTokenizer.from_pretrained(standin(BLIP2)),
        AutoImageProcessor.from_pretrained(standin(BLIP2)),
    ):
        part.save_pretrained(tmp_path / "broken")
    operator = Blip2CaptionMapper(hf_blip2=str(tmp_path / "broken"), model_batch_size=2)
    with pytest.raises(BadInput, match=r"broken: the captioner says .*its weights or its configuration"):
        operator.process_batched(batch_of(world_seed(2)))


def test_an_image_that_breaks_after_the_check_names_its_record(world_seed, standin):
    samples = batch_of(world_seed(4))
    path = samples["images"][2][0]
    with Path(path).open("ab") as file:
        file.write(b"more")
    operator = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=4)
    with pytest.raises(BadInput, match=rf"id {samples['id'][2]}: image {path} has changed since"):
        operator.process_batched(samples)


def test_a_second_time_the_store_answers_and_the_model_is_not_asked(
    world_seed, standin, tmp_path, monkeypatch
):
    samples, store = batch_of(world_seed(9)), str(tmp_path / "store.sqlite")
    first = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=4, store=store)
    found = in_batches(first.process_batched, samples, 9)
    second = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=2, store=store)
    monkeypatch.setattr(second.blip2, "generate", lambda *_: pytest.fail("asked the model"))
    assert in_batches(second.process_batched, samples, 5) == found
    other = Blip2CaptionMapper(hf_blip2=standin(BLIP2), model_batch_size=2, store=store, max_new_tokens=5)
    monkeypatch.setattr(other.blip2, "generate", lambda images, *_: [("asked", True)] * len(images))
    done = in_batches(other.process_batched, samples, 9)
    assert {text for text, *_ in done.values()} == {records.text_of("asked")}, (
        "another setting, other answers"
    )
