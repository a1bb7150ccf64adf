import json

import records
from batches import batch_of
from ops.clip_best_caption_mapper import ClipBestCaptionMapper
from ops.put_back_mapper import PutBackMapper
from world.captions import true_caption
from world.scene import scenes

CLIP = "clip-vit-large-patch14-336"


def test_of_the_candidates_the_one_that_fits_the_image_is_taken(world_seed, standin):
    samples = batch_of(world_seed(6))
    true = [true_caption(scene) for scene, _ in scenes("test", 6)]
    for row, meta in enumerate(samples["__dj__meta__"]):
        meta["caption_candidates"] = json.dumps([true[row - 1], true[row]] if row else [])
    before = samples["text"][0]
    done = ClipBestCaptionMapper(hf_clip=standin(CLIP), model_batch_size=4).process_batched(samples)
    assert done["text"] == [before, *map(records.text_of, true[1:])]


def test_a_caption_that_made_it_worse_or_too_little_better_is_put_back():
    rows = [("ok", 0.2, 0.3), ("ok", 0.3, 0.3), ("ok", 0.3, 0.2), ("ok", 0.1, 0.2), ("not asked", 0.3, 0.1)]
    samples = {
        "text": [records.text_of(f"new {n}") for n in range(5)],
        "__dj__stats__": [{"seed_similarity": old, "image_text_similarity": new} for _, old, new in rows],
        "__dj__meta__": [
            {"caption_check": check, "caption_before": f"old {n}"} for n, (check, *_) in enumerate(rows)
        ],
    }
    done = PutBackMapper(min_value=0.25).process_batched(samples)
    captions = [records.caption_of(text) for text in done["text"]]
    assert captions == ["new 0", "old 1", "old 2", "old 3", "new 4"]
    assert [stats["image_text_similarity"] for stats in done["__dj__stats__"]] == [0.3, 0.3, 0.3, 0.1, 0.1]
    checks = [meta["caption_check"] for meta in done["__dj__meta__"]]
    assert checks == ["ok", "put back", "put back", "put back", "not asked"]
