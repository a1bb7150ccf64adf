"""Each stage starts without the libraries that it does not need: an import that is added shows here."""

import pytest

import launches

MODELS = {"torch", "transformers", "timm", "accelerate", "deepspeed"}
TABLES = {"pandas", "pyarrow", "datasets", "scipy", "sklearn", "matplotlib", "tensorboard"}
TRAINER = {"transformers.trainer", "deepspeed"}
FORBIDDEN = {
    "train": TABLES | {"deepspeed"},
    "train_deepspeed": TABLES,
    "answer_textvqa": TABLES | TRAINER,
    "make_models": TABLES | (MODELS - {"torch"}),
    "make_data": MODELS | TABLES,
    "dj_to_llava": MODELS | TABLES | {"numpy"},
    "join_shards": MODELS | TABLES | {"numpy", "openpyxl"},
    "score_textvqa": MODELS | TABLES | {"numpy", "openpyxl"},
    "score_mmbench": MODELS | TABLES | {"numpy", "openpyxl"},
    "mmbench_upload": MODELS | TABLES,
    "collect_results": MODELS | TABLES - {"scipy"},
    "show_results": MODELS | TABLES | {"numpy"},
}
NEEDED = {
    "train": {"transformers.trainer", "mgm.training.run", "torch"},
    "train_deepspeed": {"deepspeed", "mgm.training.run"},
    "answer_textvqa": {"mgm.checkpoint", "torch"},
}


@pytest.mark.parametrize("name", launches.LAUNCHES)
def test_a_stage_starts_without_the_libraries_it_does_not_need(name, tmp_path):
    found = set(launches.modules_of(launches.start(name, tmp_path)))
    assert not FORBIDDEN[name] & found
    assert NEEDED.get(name, {"cli"}) <= found, "what was measured is not the stage's start"


def test_a_library_that_is_imported_is_seen(tmp_path):
    assert "openpyxl" in launches.modules_of(launches.start("mmbench_upload", tmp_path))
