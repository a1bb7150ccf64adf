"""Code that a model's folder brings and its settings name: none of it runs, and nobody is asked about it.

Of the language model: mgm/test_bad_checkpoints.py; of the captioner, similarity and matching models:
ops/test_model_loading.py. Here the towers, and what reads a model's shape alone.
"""

import json
import shutil
from pathlib import Path

import pytest

from attacks import cases
from costs.captioning import caption_flop, matching_flop, similarity_flop
from errors import BadInput
from mgm.config import read_config
from mgm.images import ImageProcessor
from mgm.vision_tower import vision_config

pytestmark = pytest.mark.attack("security")

AUTO = (
    "AutoConfig",
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoImageProcessor",
    "AutoProcessor",
    "AutoTokenizer",
)


def hostile(source: str | Path, folder: Path, mark: Path, **settings: object) -> Path:
    """A copy of a model's folder whose settings name code that leaves a mark."""
    shutil.copytree(source, folder)
    for name in ("evil", "modeling_evil", "custom_generate/generate"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n")
    for file in [*folder.glob("*config.json"), folder / "processor_config.json"]:
        values = json.loads(file.read_text()) if file.exists() else {}
        named = {
            "auto_map": {**dict.fromkeys(AUTO, "evil.Evil"), "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
        }
        file.write_text(json.dumps({**values, **named, "trust_remote_code": True, **settings}))
    return folder


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch):
    """transformers asks on the terminal whether code may run; whoever answers says yes."""
    monkeypatch.setattr("builtins.input", lambda *_: "y")


SHAPES = {
    "blip2-opt-2.7b": caption_flop,
    "clip-vit-large-patch14-336": similarity_flop,
    "blip-itm-base-coco": matching_flop,
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_model_s_cost_is_reckoned_without_its_code(standin, tmp_path, mark, name):
    folder = hostile(standin(name), tmp_path / name, mark)
    assert SHAPES[name](folder) == SHAPES[name](Path(standin(name))) > 0
    assert not mark.exists()


def test_a_kind_of_model_that_only_its_code_knows_is_no_reason_to_run_it(standin, tmp_path, mark):
    folder = hostile(standin("blip2-opt-2.7b"), tmp_path / "m", mark, model_type="evil")
    caption_flop(folder)
    assert not mark.exists()
    gemma = hostile(standin("gemma-2b-it"), tmp_path / "gemma", mark, model_type="evil")
    with pytest.raises(BadInput, match="model_type evil is not supported"):
        read_config(gemma)
    assert not mark.exists()


def test_a_tower_s_settings_are_read_and_nothing_else(standin, tmp_path, mark, record_property):
    cases(record_property, 2)
    folder = hostile(standin("clip-vit-large-patch14-336"), tmp_path / "clip", mark)
    assert vision_config(folder).image_size == vision_config(standin("clip-vit-large-patch14-336")).image_size
    ImageProcessor.from_folder(str(folder), 96, "pad")
    assert not mark.exists()


def test_the_settings_do_name_code(standin, tmp_path, mark):
    """Where it is trusted, it runs."""
    from transformers import AutoConfig

    folder = hostile(standin("blip2-opt-2.7b"), tmp_path / "m", mark, model_type="evil")
    with pytest.raises((AttributeError, OSError, TypeError, ValueError)):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert mark.exists()
