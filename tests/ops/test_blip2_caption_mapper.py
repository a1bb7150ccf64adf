import json

import pytest

import records
from ops.blip2_caption_mapper import Blip2CaptionMapper, caption_fault


def samples_of(seed):
    """The seed file as a Data-Juicer batch: a dict of lists."""
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    return {
        "id": [row["id"] for row in rows],
        "text": [row["text"] for row in rows],
        "images": [[str(seed.parent / row["images"][0])] for row in rows],
        "__dj__meta__": [{} for _ in rows],
    }


def in_batches(operator, samples, size):
    """Process ``samples`` ``size`` at a time; {id: (text, check)}."""
    result = {}
    for start in range(0, len(samples["id"]), size):
        batch = {key: list(values[start : start + size]) for key, values in samples.items()}
        batch["__dj__meta__"] = [{} for _ in batch["id"]]
        done = operator.process_batched(batch)
        checks = [meta["caption_check"] for meta in done["__dj__meta__"]]
        result.update(zip(done["id"], zip(done["text"], checks, strict=True), strict=True))
    return result


@pytest.mark.parametrize(
    ("caption", "prompt", "fault"),
    [
        ("a red cube on a table", "", None),
        ("", "", "empty"),
        (" . ", "", "empty"),
        ("a photo of a photo of", "a photo of", "echoes the prompt"),
        ("caste caste caste", "", "repeats"),
        ("a man in a man in a man in", "", "repeats"),
        ("ilkilkilkilkilkilk", "", "repeats"),
        ("red sign, blue sign, red cube, blue cube", "", None),
        ("the year 2000000", "", None),
        ("caf\ufffd", "", "broken characters"),
        ("an <image> of", "", "special token"),
    ],
)
def test_a_caption_that_is_no_caption_is_told_from_one_that_is(caption, prompt, fault):
    assert caption_fault(caption, prompt) == fault


def test_captions_are_the_same_for_any_batch_size_and_order(make_seed, tiny_blip2):
    samples = samples_of(make_seed(40))
    operator = Blip2CaptionMapper(hf_blip2=str(tiny_blip2), max_new_tokens=6, model_batch_size=16)
    whole = in_batches(operator, samples, 40)
    captions = {text for text, check in whole.values() if check == "ok"}
    assert len(captions) > 3, "the model must tell the images apart for this to count"
    for size in (1, 7, 32):
        assert in_batches(operator, samples, size) == whole
    backwards = {key: values[::-1] for key, values in samples.items()}
    assert in_batches(operator, backwards, 7) == whole


def test_a_rejected_caption_leaves_the_record_as_it_was(make_seed, tiny_blip2, monkeypatch):
    samples = samples_of(make_seed(3))
    operator = Blip2CaptionMapper(hf_blip2=str(tiny_blip2), model_batch_size=2)
    answers = iter([["a cube", "star star star"], ["", ""]])
    monkeypatch.setattr(operator, "captions", lambda images, rank: next(answers))
    before = list(samples["text"])
    done = operator.process_batched(samples)
    assert done["text"] == [records.text_of("a cube"), before[1], before[2]]
    assert [meta["caption_check"] for meta in done["__dj__meta__"]] == ["ok", "repeats", "empty"]


def test_a_prompt_is_continued_and_not_part_of_the_caption(make_seed, tiny_blip2):
    samples = samples_of(make_seed(8))
    plain = Blip2CaptionMapper(hf_blip2=str(tiny_blip2), max_new_tokens=6, model_batch_size=8)
    asked = Blip2CaptionMapper(
        hf_blip2=str(tiny_blip2), max_new_tokens=6, model_batch_size=8, prompt="old stock"
    )
    texts = {text for text, _ in in_batches(asked, samples, 8).values()}
    assert texts != {text for text, _ in in_batches(plain, samples, 8).values()}


def test_an_image_that_breaks_after_the_check_names_its_record(make_seed, tiny_blip2):
    seed = make_seed(4)
    image = seed.parent / "images/000000002.jpg"
    image.write_bytes(image.read_bytes()[:-200])
    operator = Blip2CaptionMapper(hf_blip2=str(tiny_blip2), model_batch_size=4)
    with pytest.raises(records.BadInput, match=r"id 000000002: .*000000002.jpg cannot be read"):
        operator.process_batched(samples_of(seed))
