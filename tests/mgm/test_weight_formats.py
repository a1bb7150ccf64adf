"""Every format that the parts come in loads to the same model."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from mgm.checkpoint import load_base
from mgm.config import read_config
from mgm.weights import read_file


def config_of(models, **changes):
    towers = {"mm_vision_tower": str(models.clip), "mm_vision_tower_aux": str(models.aux)}
    return read_config(models.llm, **{"image_size_aux": 96, **towers, **changes})


@pytest.mark.parametrize("kind", ["bin", "legacy", "sharded bin"])
def test_an_llm_loads_from_bin_like_from_safetensors(tiny_loaded, tiny_models, tmp_path, kind):
    shutil.copytree(tiny_models.llm, tmp_path / "llm")
    state = load_file(tmp_path / "llm/model.safetensors")
    (tmp_path / "llm/model.safetensors").unlink()
    if kind == "sharded bin":
        names = sorted(state)
        parts = {f"pytorch_model-0000{i + 1}-of-00002.bin": names[i::2] for i in range(2)}
        for file, part in parts.items():
            torch.save({name: state[name].clone() for name in part}, tmp_path / "llm" / file)
        index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
        (tmp_path / "llm/pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        path = tmp_path / "llm/pytorch_model.bin"
        torch.save(state, path, _use_new_zipfile_serialization=kind == "bin")
    model = load_base(config_of(tiny_models), tmp_path / "llm", None, torch.float32, 5)
    for name, tensor in tiny_loaded.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


@pytest.mark.parametrize("kind", ["safetensors", "both"])
def test_an_openclip_folder_loads_from_safetensors_with_its_text_tower(
    tiny_loaded, tiny_models, tmp_path, kind
):
    shutil.copytree(tiny_models.aux, tmp_path / "aux")
    path = tmp_path / "aux/open_clip_pytorch_model.bin"
    state = {name: tensor.clone() for name, tensor in read_file(path).items()}
    state |= {"text.token_embedding.weight": torch.ones(5, 6), "visual.head.proj.weight": torch.ones(3, 3)}
    save_file(state, tmp_path / "aux/open_clip_model.safetensors")
    if kind == "safetensors":
        path.unlink()
    config = config_of(tiny_models, mm_vision_tower_aux=str(tmp_path / "aux"))
    model = load_base(config, tiny_models.llm, None, torch.float32, 5)
    for name, tensor in tiny_loaded.model.model.vision_tower_aux.state_dict().items():
        assert torch.equal(model.model.vision_tower_aux.state_dict()[name], tensor), name


@pytest.mark.parametrize("kind", ["CLIPVisionModel", "CLIPVisionModel, old names", "bin"])
def test_a_clip_folder_of_any_kind_loads_alike(tiny_loaded, tiny_models, tmp_path, kind):
    folder = tmp_path / "clip"
    shutil.copytree(tiny_models.clip, folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if kind == "bin":  # the hub's older files hold position_ids
        state["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
        torch.save(state, folder / "pytorch_model.bin")
    else:
        prefix = "vision_model." if "old" in kind else ""
        vision = {n: t for n, t in state.items() if n.startswith("vision_model.")}
        vision = {n.replace("vision_model.", prefix, 1): t.clone() for n, t in vision.items()}
        save_file(vision, folder / "model.safetensors")
        values = json.loads((folder / "config.json").read_text())["vision_config"]
        # what files of the time hold beside the sizes
        values |= {"_name_or_path": "", "pruned_heads": {}, "torch_dtype": None, "use_bfloat16": False}
        (folder / "config.json").write_text(json.dumps(values | {"model_type": "clip_vision_model"}))
    config = config_of(tiny_models, mm_vision_tower=str(folder))
    model = load_base(config, tiny_models.llm, None, torch.float32, 5)
    for name, tensor in tiny_loaded.model.model.vision_tower.state_dict().items():
        assert torch.equal(model.model.vision_tower.state_dict()[name], tensor), name
