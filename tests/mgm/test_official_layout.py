"""What the official code writes and reads, as data; ours in both directions, bit by bit."""

import json
import shutil

import pytest
import torch
from accelerate import init_empty_weights
from safetensors.torch import load_file, save_file

from errors import BadInput
from mgm.adapter import adapter_state
from mgm.checkpoint import load_base, load_mgm
from mgm.config import read_config
from mgm.model import MGMGemmaForCausalLM
from mgm.saving import SHARD_BYTES, cut, save_adapter, save_finetuned, write_folder
from mgm.weights import read_file, read_folder

CLIP, AUX = "clip-vit-large-patch14-336", "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup"
ZOO = "model_zoo/OpenAI"
NORM_AND_LINEAR = ("0.weight", "0.bias", "1.weight", "1.bias")
ADAPTER = {  # mgm/train/train.py: safe_save_model_for_hf_trainer
    *(f"model.mm_projector.{name}" for name in ("0.weight", "0.bias", "2.weight", "2.bias")),
    *(f"model.vlm_uni_{part}_projector.{n}" for part in ("query", "aux", "val") for n in NORM_AND_LINEAR),
}
ENCODER = "model.vision_tower.vision_tower.vision_model"
CLIP_LAYER = {
    f"{part}.{kind}"
    for part in (
        *(f"self_attn.{p}_proj" for p in ("q", "k", "v", "out")),
        *("layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2"),
    )
    for kind in ("weight", "bias")
}
CLIP_REST = {
    *("embeddings.class_embedding", "embeddings.patch_embedding.weight"),
    "embeddings.position_embedding.weight",
    *(f"{norm}.{kind}" for norm in ("pre_layrnorm", "post_layernorm") for kind in ("weight", "bias")),
}
GEMMA_LAYER = {
    *(f"self_attn.{p}_proj.weight" for p in "qkvo"),
    *(f"mlp.{p}_proj.weight" for p in ("gate", "up", "down")),
    *("input_layernorm.weight", "post_attention_layernorm.weight"),
}
# config.json of a checkpoint that the challenge's kit made (transformers 4.38), with the types of its values.
CONFIG = {
    str: (
        *("hidden_act", "image_aspect_ratio", "mm_projector_type", "mm_vision_select_feature", "model_type"),
        *("mm_vision_tower", "mm_vision_tower_aux", "tokenizer_padding_side", "torch_dtype"),
        "transformers_version",
    ),
    bool: (
        *("attention_bias", "freeze_mm_mlp_adapter", "image_global", "mm_use_im_patch_token"),
        *("mm_use_im_start_end", "optimize_vision_tower", "optimize_vision_tower_aux"),
        *("tune_mm_mlp_adapter", "use_cache", "use_mm_proj"),
    ),
    int: (
        *("bos_token_id", "eos_token_id", "pad_token_id", "head_dim", "hidden_size", "image_grid"),
        *("image_size_aux", "intermediate_size", "max_position_embeddings", "mm_hidden_size"),
        *("mm_hidden_size_aux", "mm_vision_select_layer", "num_attention_heads", "num_hidden_layers"),
        *("num_key_value_heads", "tokenizer_model_max_length", "vocab_size"),
    ),
    float: ("attention_dropout", "initializer_range", "rms_norm_eps", "rope_theta"),
    list: ("architectures",),
}


def gemma_names(layers):
    rest = {"model.embed_tokens.weight", "model.norm.weight"}
    return rest | {f"model.layers.{i}.{name}" for i in range(layers) for name in GEMMA_LAYER}


def clip_names(layers):
    rest = {f"{ENCODER}.{name}" for name in CLIP_REST}
    return rest | {f"{ENCODER}.encoder.layers.{i}.{name}" for i in range(layers) for name in CLIP_LAYER}


def config_of(models, **changes):
    towers = {"mm_vision_tower": str(models.clip), "mm_vision_tower_aux": str(models.aux)}
    return read_config(models.llm, **{"image_size_aux": 96, **towers, **changes})


@pytest.fixture
def official(tiny_loaded, tiny_models, tmp_path):
    """The kit's working folder: towers under ``model_zoo``, a checkpoint as transformers 4.38 saves it."""
    zoo = tmp_path / "training" / ZOO
    shutil.copytree(tiny_models.clip, zoo / CLIP)
    shutil.copytree(tiny_models.aux, zoo / AUX)
    folder = tmp_path / "training/work_dirs/MGM-2B"
    save_finetuned(tiny_loaded.model, tiny_models.llm, folder)
    values = json.loads((folder / "config.json").read_text())
    values = {key: values[key] for keys in CONFIG.values() for key in keys}
    values |= {"mm_vision_tower": f"{ZOO}/{CLIP}", "mm_vision_tower_aux": f"{ZOO}/{AUX}"}
    values |= {"_name_or_path": "/home/someone/gemma-2b-it", "rope_scaling": None, "mm_projector_lr": None}
    values |= {"transformers_version": "4.38.2", "image_grid_pinpoints": None, "torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(values))
    state = {n: t.bfloat16() for _, n, t in read_folder(folder)}
    write_folder(folder, state, shard_bytes=150_000)
    return folder


def test_our_checkpoint_has_the_official_names_and_config(tiny_loaded, tiny_models, tmp_path):
    folder = tmp_path / "MGM-2B-Finetune-EXP"
    save_finetuned(tiny_loaded.model, tiny_models.llm, folder)
    names = {name for _, name, _ in read_folder(folder)}
    trunk = {n for n in read_file(tiny_models.aux / "open_clip_pytorch_model.bin") if ".trunk.s" in n}
    aux = {n.replace("visual.trunk.", "model.vision_tower_aux.vision_") for n in trunk}
    assert names == gemma_names(3) | clip_names(4) | aux | ADAPTER
    values = json.loads((folder / "config.json").read_text())
    for kind, keys in CONFIG.items():
        assert {key: type(values[key]) for key in keys} == dict.fromkeys(keys, kind)
    assert values["architectures"] == ["MGMGemmaForCausalLM"] and values["torch_dtype"] == "float32"
    assert (values["mm_hidden_size"], values["mm_hidden_size_aux"]) == (36, 24 + 32 + 48 + 64)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (folder / name).read_bytes() == (tiny_models.llm / name).read_bytes()


def test_an_official_checkpoint_comes_back_as_it_was(official, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    loaded = load_mgm(official, dtype=torch.bfloat16)
    assert loaded.model.config.mm_vision_tower == str(official.parents[1] / ZOO / CLIP)
    save_finetuned(loaded.model, official, tmp_path / "again")
    before = {name: tensor for _, name, tensor in read_folder(official)}
    again = {name: tensor for _, name, tensor in read_folder(tmp_path / "again")}
    assert before.keys() == again.keys()
    assert all(t.dtype == torch.bfloat16 and torch.equal(t, again[n]) for n, t in before.items())
    values, saved = (json.loads((f / "config.json").read_text()) for f in (official, tmp_path / "again"))
    own = {"mm_vision_tower", "mm_vision_tower_aux", "transformers_version"}
    assert all(saved[key] == values[key] for keys in CONFIG.values() for key in set(keys) - own)
    assert "someone" not in json.dumps(saved)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_an_official_checkpoint_without_towers_in_it_takes_them_from_their_folders(official, kind):
    state = {n: t for _, n, t in read_folder(official) if ".vision_tower" not in n}
    for file in official.glob("model*"):
        file.unlink()
    if kind == "bin":
        torch.save(state, official / "pytorch_model.bin")
    else:
        save_file(state, official / "model.safetensors")
    towers = load_mgm(official, dtype=torch.bfloat16).model.model.vision_tower.state_dict()
    folder = load_file(official.parents[1] / ZOO / CLIP / "model.safetensors")
    name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    assert torch.equal(towers[f"vision_tower.{name}"], folder[name].bfloat16())


def test_towers_elsewhere_are_found_beside_the_checkpoint_or_by_the_flags(official, tiny_models, tmp_path):
    checkpoint = tmp_path / "models/MGM-2B"
    shutil.copytree(official, checkpoint)
    with pytest.raises(BadInput, match=rf"mm_vision_tower {ZOO}/{CLIP} is not a folder.*give --vision_tower"):
        load_mgm(checkpoint)
    given = load_mgm(checkpoint, vision_tower=tiny_models.clip, vision_tower_aux=tiny_models.aux)
    assert given.model.config.mm_vision_tower == str(tiny_models.clip)
    with pytest.raises(BadInput, match=r"gone is not a folder; fetch it or correct --vision_tower_aux"):
        load_mgm(checkpoint, vision_tower=tiny_models.clip, vision_tower_aux="/gone")
    for name in (CLIP, AUX):
        shutil.move(official.parents[1] / ZOO / name, checkpoint.parent / name)
    beside = load_mgm(checkpoint)
    assert beside.model.config.mm_vision_tower_aux == str(checkpoint.parent / AUX)


def test_a_checkpoint_whose_weights_hold_the_towers_needs_only_their_settings(official):
    zoo = official.parents[1] / ZOO
    for file in (zoo / CLIP / "model.safetensors", zoo / AUX / "open_clip_pytorch_model.bin"):
        file.unlink()
    load_mgm(official)


def test_the_name_of_a_tower_is_one_that_the_official_loader_takes(tiny_loaded, tiny_models, tmp_path):
    """It wants the path from its working folder, with 'openai' and 'openclip' in it; ours can move."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name in (CLIP, AUX):
            shutil.copytree(tiny_models.clip if name == CLIP else tiny_models.aux, tmp_path / "models" / name)
        loaded = load_base(
            read_config(
                tiny_models.llm,
                image_size_aux=96,
                mm_vision_tower=str(tmp_path / "models" / CLIP),
                mm_vision_tower_aux=str(tmp_path / "models" / AUX),
            ),
            tiny_models.llm,
            None,
            torch.float32,
            seed=1,
        )
        save_finetuned(loaded, tiny_models.llm, tmp_path / "runs/finetune")
    values = json.loads((tmp_path / "runs/finetune/config.json").read_text())
    assert (values["mm_vision_tower"], values["mm_vision_tower_aux"]) == (f"{ZOO}/{CLIP}", f"{ZOO}/{AUX}")
    shutil.move(tmp_path / "runs", tmp_path / "moved/runs")
    shutil.move(tmp_path / "models", tmp_path / "moved/models")
    config = load_mgm(tmp_path / "moved/runs/finetune").model.config
    assert config.mm_vision_tower == str(tmp_path / "moved/models" / CLIP)
    kit = tmp_path / "kit/OpenAI"
    shutil.move(tmp_path / "moved/models", kit)
    tiny = load_mgm(
        tmp_path / "moved/runs/finetune", vision_tower=kit / CLIP, vision_tower_aux=kit / AUX
    ).model
    save_finetuned(tiny, tiny_models.llm, tmp_path / "elsewhere")
    values = json.loads((tmp_path / "elsewhere/config.json").read_text())
    assert values["mm_vision_tower"] == str(kit / CLIP) and "mm_vision_tower_folder" not in values


PREFIXES = ["model.", "", "module.model.", "base_model.model.model.", "base_model.model."]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("towers", [False, True], ids=["projectors", "with towers"])
def test_an_adapter_loads_under_every_official_name(tiny_loaded, tiny_models, tmp_path, prefix, towers):
    parts = ("model.mm_projector", "model.vlm_uni", *(["model.vision_tower"] if towers else []))
    kept = {n: t + 1 for n, t in tiny_loaded.model.state_dict().items() if n.startswith(parts)}
    torch.save({n.replace("model.", prefix, 1): t for n, t in kept.items()}, tmp_path / "mm_projector.bin")
    model = load_base(
        config_of(tiny_models), tiny_models.llm, tmp_path / "mm_projector.bin", torch.float32, 0
    )
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in kept.items())
    save_adapter(model, tmp_path / "again.bin")
    again = read_file(tmp_path / "again.bin")
    assert again.keys() == ADAPTER and all(torch.equal(again[n], kept[n]) for n in ADAPTER)


def test_bare_names_are_the_mm_projectors(tmp_path):
    torch.save({"model": {"0.weight": torch.ones(2, 3)}}, tmp_path / "mm_projector.bin")
    state, faults = adapter_state(tmp_path / "mm_projector.bin")
    assert state.keys() == {"model.mm_projector.0.weight"} and not faults


def test_shards_have_the_official_names_and_replace_what_lay_there(tiny_loaded, tiny_models, tmp_path):
    save_finetuned(tiny_loaded.model, tiny_models.llm, tmp_path)
    state = {name: tensor for _, name, tensor in read_folder(tmp_path)}
    state = {name: tensor.clone() for name, tensor in state.items()}
    write_folder(tmp_path, state, shard_bytes=300_000)
    shards = sorted(file.name for file in tmp_path.glob("*.safetensors"))
    assert shards == [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in state.values()) and len(shards) > 2
    assert index["weight_map"] == {n: f for f in shards for n in load_file(tmp_path / f)}
    write_folder(tmp_path, state)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["model.safetensors"]


def test_at_official_scale_two_shards_hold_it_and_the_second_all_that_the_loader_looks_for(tmp_path):
    """``initialize_uni_modules`` fills CLIP from the shards that hold 'vlm_uni' or 'vision_stages' alone."""
    gemma = {"model_type": "gemma", "vocab_size": 256000, "hidden_size": 2048, "intermediate_size": 16384}
    gemma |= {"num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256}
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "image_size": 336}
    vision |= {"num_attention_heads": 16, "patch_size": 14}
    trunk = {"model_cfg": {"vision_cfg": {"timm_model_name": "convnext_large"}}}
    files = {"llm/config.json": gemma, "clip/config.json": {"vision_config": vision}}
    for name, values in (files | {"aux/open_clip_config.json": trunk}).items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(json.dumps(values))
    towers = {"mm_vision_tower": str(tmp_path / "clip"), "mm_vision_tower_aux": str(tmp_path / "aux")}
    with init_empty_weights(include_buffers=True):
        model = MGMGemmaForCausalLM(read_config(tmp_path / "llm", **towers)).to(torch.bfloat16)
    state = model.state_dict()
    del state["lm_head.weight"]
    shards = cut(state, SHARD_BYTES)
    sizes = [sum(state[name].nbytes for name in names) for names in shards]
    assert len(shards) == 2 and all(size <= SHARD_BYTES for size in sizes)
    looked_for = {name for name in state if name.startswith(("model.vision_tower", "model.vlm_uni"))}
    assert looked_for <= set(shards[1])
    assert (model.config.mm_hidden_size, model.config.mm_hidden_size_aux) == (1024, 2880)
