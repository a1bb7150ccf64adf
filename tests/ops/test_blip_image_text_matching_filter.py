import pytest
import torch

import records
from batches import batch_of, in_batches
from ops.blip_image_text_matching_filter import BlipImageTextMatchingFilter
from ops.images import Pictures
from ops.model_loading import load_model
from world.captions import true_caption
from world.scene import scenes

BLIP = "blip-itm-base-coco"
SCORE = "image_text_matching_score"


def true_batch(seed, count):
    """The world's records with true captions."""
    samples = batch_of(seed)
    samples["text"] = [records.text_of(true_caption(scene)) for scene, _ in scenes("test", count)]
    return samples


def scores(operator, samples, size, backwards=False):
    found = in_batches(operator.compute_stats_batched, samples, size, backwards)
    return {identity: stats[SCORE] for identity, (_, stats, _) in found.items()}


def test_scores_are_the_same_for_any_batch_size_order_and_from_the_store(world_seed, standin, tmp_path):
    samples = batch_of(world_seed(40))
    operator = BlipImageTextMatchingFilter(hf_blip=standin(BLIP), model_batch_size=16)
    whole = scores(operator, samples, 40)
    stored = BlipImageTextMatchingFilter(
        hf_blip=standin(BLIP), model_batch_size=16, store=str(tmp_path / "store.sqlite")
    )
    for size in (1, 7, 32):
        assert scores(operator, samples, size, size == 7) == whole == scores(stored, samples, size)


def test_a_true_caption_matches_and_another_images_does_not(world_seed, standin):
    samples = true_batch(world_seed(30), 30)
    operator = BlipImageTextMatchingFilter(hf_blip=standin(BLIP), model_batch_size=8)
    true = list(scores(operator, samples, 30).values())
    samples["text"] = samples["text"][1:] + samples["text"][:1]
    assert sum(score > 0.5 for score in true) >= 27
    assert all(score < 0.5 for score in scores(operator, samples, 30).values())


def test_the_statistic_is_the_matching_heads_probability_and_a_long_caption_is_flagged(world_seed, standin):
    samples = true_batch(world_seed(2), 2)
    samples["text"][1] = records.text_of("far too long " * 100)
    operator = BlipImageTextMatchingFilter(hf_blip=standin(BLIP), model_batch_size=2)
    first, second = (s for _, s, _ in in_batches(operator.compute_stats_batched, samples, 2).values())
    assert [first[f"{SCORE}_truncated"], second[f"{SCORE}_truncated"]] == [False, True]
    model, tokenizer, processor = load_model("BlipForImageTextRetrieval", standin(BLIP))
    pixels = processor(images=Pictures.of(samples).load(0), return_tensors="pt").pixel_values
    ids = tokenizer(records.caption_of(samples["text"][0]), return_tensors="pt").input_ids
    with torch.no_grad():
        expected = model(input_ids=ids, pixel_values=pixels, use_itm_head=True).itm_score.softmax(-1)[0, 1]
    assert first[SCORE] == pytest.approx(expected.item(), abs=1e-4)


def test_limits_keep_what_lies_between_them(standin):
    batch = {"__dj__stats__": [{SCORE: value} for value in (0.1, 0.5, 0.9)]}
    operator = BlipImageTextMatchingFilter(hf_blip=standin(BLIP), min_value=0.5)
    assert operator.process_batched(batch) == [False, True, True]
