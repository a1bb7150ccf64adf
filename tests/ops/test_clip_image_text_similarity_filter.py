import json

import pytest
import torch

from ops.clip_image_text_similarity_filter import ClipImageTextSimilarityFilter
from ops.models import load_image, load_model

CUT = "image_text_similarity_truncated"


def samples_of(seed):
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    images = [[str(seed.parent / row["images"][0])] for row in rows]
    return {"id": [row["id"] for row in rows], "text": [row["text"] for row in rows], "images": images}


def stats_in_batches(operator, samples, size):
    """{id: statistics}, computed ``size`` records at a time."""
    result = {}
    for start in range(0, len(samples["id"]), size):
        batch = {key: values[start : start + size] for key, values in samples.items()}
        batch["__dj__stats__"] = [{} for _ in batch["id"]]
        done = operator.compute_stats_batched(batch)
        result.update(zip(done["id"], done["__dj__stats__"], strict=True))
    return result


def test_similarities_are_the_same_for_any_batch_size_and_order(make_seed, tiny_clip):
    samples = samples_of(make_seed(40))
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=16)
    whole = stats_in_batches(operator, samples, 40)
    assert len({stats["image_text_similarity"] for stats in whole.values()}) > 20
    for size in (1, 7, 32):
        assert stats_in_batches(operator, samples, size) == whole
    backwards = {key: values[::-1] for key, values in samples.items()}
    assert stats_in_batches(operator, backwards, 7) == whole


def test_the_statistic_is_clips_cosine_and_a_long_caption_is_flagged(make_seed, tiny_clip):
    seed = make_seed(6)
    samples = samples_of(seed)
    samples["text"][0] = "<__dj__image>\nred cube <|__dj__eoc|>"
    samples["text"][1] = "<__dj__image>\n" + "blue ring " * 7 + "<|__dj__eoc|>"
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), model_batch_size=4)
    stats = list(stats_in_batches(operator, samples, 6).values())
    assert [stats[0][CUT], stats[1][CUT]] == [False, True]
    model, tokenizer, processor = load_model("CLIPModel", str(tiny_clip))
    pixels = processor(images=load_image(samples["images"][0][0], "x"), return_tensors="pt").pixel_values
    with torch.no_grad():
        output = model(tokenizer("red cube", return_tensors="pt").input_ids, pixels)
    expected = torch.cosine_similarity(output.text_embeds, output.image_embeds).item()
    assert stats[0]["image_text_similarity"] == pytest.approx(expected, abs=1e-4)


def test_limits_keep_what_lies_between_them_and_are_neutral_by_default(tiny_clip):
    batch = {"__dj__stats__": [{"image_text_similarity": value} for value in (-0.9, 0.1, 0.2, 0.3)]}
    assert ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip)).process_batched(batch) == [True] * 4
    between = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), min_value=0.1, max_value=0.2)
    assert between.process_batched(batch) == [False, True, True, False]


def test_a_changed_caption_gets_a_new_value_under_the_name_asked_for(make_seed, tiny_clip):
    samples = samples_of(make_seed(2))
    operator = ClipImageTextSimilarityFilter(hf_clip=str(tiny_clip), statistic="after", model_batch_size=2)
    samples["__dj__stats__"] = [{"after": 9.0}, {"image_text_similarity": 0.5}]
    done = operator.compute_stats_batched(samples)["__dj__stats__"]
    assert done[0]["after"] < 1.0 and done[1]["image_text_similarity"] == 0.5
