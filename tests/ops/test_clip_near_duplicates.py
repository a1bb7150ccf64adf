import json

import pytest
from data_juicer.core.data import NestedDataset
from datasets import Dataset
from PIL import Image

from batches import batch_of
from ops.clip_cluster_mapper import ClipClusterMapper
from ops.clip_near_duplicate_deduplicator import ClipNearDuplicateDeduplicator, twins

CLIP = "clip-vit-large-patch14-336"


def dataset_of(seed, **fits):
    samples = batch_of(seed)
    samples["__dj__stats__"] = [{"fit": fits.get(f"r{n}", 0.5)} for n in range(len(samples["id"]))]
    del samples["__dj__meta__"]
    return NestedDataset(Dataset.from_dict(samples))


def copies(seed):
    """Record 3 is a byte for byte copy of record 0, record 5 record 1 saved once more."""
    paths = [paths[0] for paths in batch_of(seed)["images"]]
    with open(paths[0], "rb") as source, open(paths[3], "wb") as target:  # noqa: PTH123
        target.write(source.read())
    Image.open(paths[1]).save(paths[5], quality=95)
    return seed


def test_copies_and_nearly_copies_go_and_the_better_one_stays(world_seed, standin, tmp_path):
    seed, report = copies(world_seed(12)), tmp_path / "report.json"
    ids = batch_of(seed)["id"]
    options = {
        "hf_clip": standin(CLIP),
        "min_similarity": 0.985,
        "report": str(report),
        "model_batch_size": 4,
    }
    kept = ClipNearDuplicateDeduplicator(**options).run(dataset_of(seed))
    assert [ids.index(identity) for identity in kept["id"]] == [n for n in range(12) if n not in (3, 5)]
    found = json.loads(report.read_text())["near_duplicates"]
    assert found[ids[3]] == [ids[0], pytest.approx(1.0, abs=1e-3)] and found[ids[5]][0] == ids[1]
    better = ClipNearDuplicateDeduplicator(**options, field_key="__dj__stats__.fit")
    kept = better.run(dataset_of(seed, r3=0.9, r5=0.1))
    assert [ids.index(identity) for identity in kept["id"]] == [n for n in range(12) if n not in (0, 5)]


def test_only_a_kept_record_makes_another_a_duplicate():
    import numpy as np

    angles = np.array([0.0, 0.1, 0.2, 1.5])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    assert twins(features, float(np.cos(0.15))) == {1: (0, pytest.approx(0.995, abs=1e-3))}


def test_many_records_are_searched_in_cells_and_exact_copies_are_all_found(monkeypatch):
    import numpy as np

    import ops.clip_near_duplicate_deduplicator as module

    monkeypatch.setattr(module, "EXACT_UP_TO", 100)
    features = np.random.default_rng(1).normal(size=(900, 16)).astype("float32")
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features = np.concatenate([features, features[::9]])
    assert {row: of for row, (of, _) in twins(features, 0.999).items()} == {
        900 + n: 9 * n for n in range(100)
    }


def test_clusters_gather_like_images_and_are_the_same_again(world_seed, standin, tmp_path):
    seed = world_seed(60)
    options = {"hf_clip": standin(CLIP), "clusters": 6, "model_batch_size": 16}
    first, second = (
        [stats["cluster"] for stats in ClipClusterMapper(**options).run(dataset_of(seed))["__dj__stats__"]]
        for _ in range(2)
    )
    assert first == second and set(first) == set(range(6))
    sizes = [first.count(cluster) for cluster in range(6)]
    assert sizes == sorted(sizes, reverse=True), "numbered by size"
