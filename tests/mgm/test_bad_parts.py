"""An adapter or a tower that does not belong to the model, or is a program: named, and nothing is run."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from errors import BadInput
from mgm.checkpoint import load_base, load_mgm
from mgm.config import read_config
from mgm.saving import save_adapter, save_finetuned
from mgm.weights import read_file

BIAS = "model.mm_projector.0.bias"


def config_of(models, **changes):
    towers = {"mm_vision_tower": str(models.clip), "mm_vision_tower_aux": str(models.aux)}
    return read_config(models.llm, **{"image_size_aux": 96, **towers, **changes})


@pytest.fixture
def finetuned(tiny_loaded, tiny_models, tmp_path):
    save_finetuned(tiny_loaded.model, tiny_models.llm, tmp_path / "finetuned")
    return tmp_path / "finetuned"


def wider(tiny_loaded, keep):
    """The adapter of a model of other widths."""
    state = {n: t for n, t in tiny_loaded.model.state_dict().items() if n.startswith(keep)}
    return {name: torch.ones(*(size + 1 for size in tensor.shape)) for name, tensor in state.items()}


PARTS = ("model.mm_projector", "model.vlm_uni")


def test_an_adapter_of_another_model_is_named_parameter_by_parameter(tiny_loaded, tiny_models, tmp_path):
    path = tmp_path / "mm_projector.bin"
    torch.save(wider(tiny_loaded, PARTS), path)
    with pytest.raises(BadInput) as error:
        load_base(config_of(tiny_models), tiny_models.llm, path, torch.float32, 0)
    assert str(error.value).count(f"misshapen in {path}: ") == 16
    assert "model.vlm_uni_val_projector.1.weight is (37, 169), needed (36, 168)" in str(error.value)


@pytest.mark.parametrize("into", ["base", "finetuned"])
def test_an_adapter_without_mining_is_incomplete_even_over_a_finetuned_model(
    tiny_loaded, tiny_models, finetuned, tmp_path, into
):
    path = tmp_path / "mm_projector.bin"
    kept = {n: t for n, t in tiny_loaded.model.state_dict().items() if n.startswith(PARTS[0])}
    torch.save(kept, path)
    llm = tiny_models.llm if into == "base" else finetuned
    with pytest.raises(BadInput) as error:
        load_base(config_of(tiny_models), llm, path, torch.float32, 0)
    assert str(error.value).count("missing: model.vlm_uni_") == 12 and str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update({"model.embed_tokens.weight": torch.ones(358, 40)}), "model.embed_tokens.weight"),
        (lambda s: s.update({f"encoder.{BIAS}": s.pop(BIAS)}), f"encoder.{BIAS}"),
        (lambda s: s.update({f"module.{BIAS}": s[BIAS]}), f"twice in .*: {BIAS}, once as module.{BIAS}"),
        (
            lambda s: s.update({"model.vision_tower_aux.vision_stem.0.bias": torch.ones(24)}),
            "missing: model.vision_tower_aux.vision_stages.0.blocks.0.gamma",
        ),
    ],
    ids=["a part of the LLM", "an unknown prefix", "a parameter twice", "half a tower"],
)
def test_an_adapter_holds_projectors_and_whole_towers_only(
    tiny_loaded, tiny_models, tmp_path, change, message
):
    path = tmp_path / "mm_projector.bin"
    save_adapter(tiny_loaded.model, path)
    state = read_file(path)
    change(state)
    torch.save({name: tensor.clone() for name, tensor in state.items()}, path)
    with pytest.raises(BadInput, match=message):
        load_base(config_of(tiny_models), tiny_models.llm, path, torch.float32, 0)


def test_an_adapters_folder_for_its_file_is_an_error(tiny_models, tmp_path):
    with pytest.raises(BadInput, match="is a folder; give the weight file in it"):
        load_base(config_of(tiny_models), tiny_models.llm, tmp_path, torch.float32, 0)


def test_a_tower_of_another_width_is_named_with_its_flag(finetuned, tiny_models, tmp_path):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    sizes = {"num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 52}
    sizes |= {"image_size": 28, "patch_size": 7}
    CLIPVisionModel(CLIPVisionConfig(hidden_size=48, **sizes)).save_pretrained(tmp_path / "wide")
    with pytest.raises(BadInput) as error:
        load_mgm(finetuned, vision_tower=tmp_path / "wide")
    message = str(error.value)
    assert "model.mm_projector.0.weight is (40, 36), needed (40, 48)" in message
    assert f"{tmp_path / 'wide'} (--vision_tower)" in message


@pytest.mark.parametrize(
    ("clip", "aux", "message"),
    [
        ("aux", "aux", r"openclip-convnext/config.json is missing: not a CLIP.*--vision_tower$"),
        ("clip", "clip", r"clip-vit/open_clip_config.json is missing: not an OpenCLIP.*--vision_tower_aux"),
        ("llm", "aux", r"gemma-2b-it/config.json: not a CLIP vision tower \(no patch_size\)"),
    ],
)
def test_a_wrong_folder_for_a_tower_is_named_with_its_flag(tiny_models, clip, aux, message):
    towers = {
        "mm_vision_tower": str(getattr(tiny_models, clip)),
        "mm_vision_tower_aux": str(getattr(tiny_models, aux)),
    }
    with pytest.raises(BadInput, match=message):
        load_base(config_of(tiny_models, **towers), tiny_models.llm, None, torch.float32, 0)


@pytest.mark.parametrize("tower", ["clip", "aux"])
def test_a_tower_folder_with_other_weights_is_named_with_its_flag(tiny_models, tmp_path, tower):
    folder = tmp_path / "tower"
    shutil.copytree(getattr(tiny_models, tower), folder)
    name = "model.safetensors" if tower == "clip" else "open_clip_pytorch_model.bin"
    (folder / name).unlink()
    state = {"text_model.x": torch.ones(1)}
    if name.endswith("bin"):
        torch.save(state, folder / name)
    else:
        save_file(state, folder / name)
    field = "mm_vision_tower" if tower == "clip" else "mm_vision_tower_aux"
    with pytest.raises(BadInput, match=f"{folder}: no .* weights in it; correct --vision_tower"):
        load_base(config_of(tiny_models, **{field: str(folder)}), tiny_models.llm, None, torch.float32, 0)


class Payload:
    """Unpickled without care it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("where", ["llm", "clip", "aux", "adapter"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tiny_models, tmp_path, where, zipped):
    made, adapter = tmp_path / "made", tmp_path / "mm_projector.bin"
    folders = {}
    for name in ("llm", "clip", "aux"):
        folders[name] = tmp_path / name
        shutil.copytree(getattr(tiny_models, name), folders[name])
    file = {"clip": "pytorch_model.bin", "aux": "open_clip_pytorch_model.bin", "llm": "pytorch_model.bin"}
    path = adapter if where == "adapter" else folders[where] / file[where]
    for old in path.parent.glob("model*.safetensors"):
        old.unlink()
    payload = {"model.mm_projector.0.weight": Payload(made)}
    torch.save(payload, path, _use_new_zipfile_serialization=zipped)
    towers = {"mm_vision_tower": str(folders["clip"]), "mm_vision_tower_aux": str(folders["aux"])}
    config = read_config(tiny_models.llm, image_size_aux=96, **towers)
    with pytest.raises(BadInput, match=f"{path}: not a readable weight file"):
        load_base(config, folders["llm"], adapter if where == "adapter" else None, torch.float32, 0)
    assert not made.exists()
    torch.load(path, weights_only=False)
    assert made.exists(), "the payload must be one"
