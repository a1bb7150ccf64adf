import pytest
import torch

from batches import batch_of, in_batches
from ops.clip_image_text_similarity_filter import ClipImageTextSimilarityFilter
from ops.images import Pictures
from ops.model_loading import load_model

CUT = "image_text_similarity_truncated"


def stats_of(found):
    return {identity: stats for identity, (_, stats, _) in found.items()}


def test_similarities_are_the_same_for_any_batch_size_and_order(make_seed, tiny_clip):
    samples = batch_of(make_seed(40))
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=16)
    whole = stats_of(in_batches(operator.compute_stats_batched, samples, 40))
    assert len({stats["image_text_similarity"] for stats in whole.values()}) > 20
    for size in (1, 7, 32):
        assert stats_of(in_batches(operator.compute_stats_batched, samples, size, size == 7)) == whole


def test_the_statistic_is_clips_cosine_and_a_long_caption_is_flagged(make_seed, tiny_clip):
    samples = batch_of(make_seed(6))
    samples["text"][0] = "<__dj__image>\nred cube <|__dj__eoc|>"
    samples["text"][1] = "<__dj__image>\n" + "blue ring " * 7 + "<|__dj__eoc|>"
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4)
    stats = list(stats_of(in_batches(operator.compute_stats_batched, samples, 6)).values())
    assert [stats[0][CUT], stats[1][CUT]] == [False, True]
    model, tokenizer, processor = load_model("CLIPModel", str(tiny_clip))
    pixels = processor(images=Pictures.of(samples).load(0), return_tensors="pt").pixel_values
    with torch.no_grad():
        output = model(tokenizer("red cube", return_tensors="pt").input_ids, pixels)
    expected = torch.cosine_similarity(output.text_embeds, output.image_embeds).item()
    assert stats[0]["image_text_similarity"] == pytest.approx(expected, abs=3e-4)


def test_a_caption_of_any_length_and_of_any_characters_gets_a_value(make_seed, tiny_clip):
    samples = batch_of(make_seed(4))
    captions = ["x " * 50_000, "\x00\x01\x07", "<__dj__image> again", "猫"]
    samples["text"] = [f"<__dj__image>\n{caption} <|__dj__eoc|>" for caption in captions]
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4)
    stats = list(stats_of(in_batches(operator.compute_stats_batched, samples, 4)).values())
    assert [each[CUT] for each in stats] == [True, False, False, False]


def test_limits_keep_what_lies_between_them_and_are_neutral_by_default(tiny_clip):
    batch = {"__dj__stats__": [{"image_text_similarity": value} for value in (-0.9, 0.1, 0.2, 0.3)]}
    assert ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip)).process_batched(batch) == [True] * 4
    between = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), min_value=0.1, max_value=0.2)
    assert between.process_batched(batch) == [False, True, True, False]


def test_a_changed_caption_gets_a_new_value_under_the_name_asked_for(make_seed, tiny_clip):
    samples = batch_of(make_seed(2))
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), statistic="after", model_batch_size=2)
    samples["__dj__stats__"] = [{"after": 9.0}, {"image_text_similarity": 0.5}]
    done = operator.compute_stats_batched(samples)["__dj__stats__"]
    assert done[0]["after"] < 1.0 and done[1]["image_text_similarity"] == 0.5


def test_the_store_gives_the_same_values_and_keeps_an_image_for_its_next_caption(
    make_seed, tiny_clip, tmp_path, monkeypatch
):
    samples, store = batch_of(make_seed(10)), str(tmp_path / "store.sqlite")
    plain = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4)
    kept = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4, store=store)
    expected = in_batches(plain.compute_stats_batched, samples, 10)
    assert in_batches(kept.compute_stats_batched, samples, 3) == expected
    monkeypatch.setattr(Pictures, "load", lambda *_: pytest.fail("decoded an image again"))
    assert in_batches(kept.compute_stats_batched, samples, 10) == expected
    samples["text"] = samples["text"][::-1]
    in_batches(kept.compute_stats_batched, samples, 10)


def test_an_image_that_an_operator_changed_is_looked_at_anew(make_seed, tiny_clip, tmp_path):
    samples, store = batch_of(make_seed(4)), str(tmp_path / "store.sqlite")
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4, store=store)
    before = stats_of(in_batches(operator.compute_stats_batched, samples, 4))
    samples["images"][0] = samples["images"][1]
    after = stats_of(in_batches(operator.compute_stats_batched, samples, 4))
    assert [before[name] == after[name] for name in before] == [False, True, True, True]
