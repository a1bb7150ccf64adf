"""Folders in, folders out; nothing is loaded in part."""

import json
import resource
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file

from errors import BadInput
from mgm import weights
from mgm.checkpoint import load_base, load_mgm, read_config, resolve_towers
from mgm.saving import portable, save_adapter, save_config, save_finetuned, write_folder
from mgm.weights import read_file, read_folder, weight_files


@pytest.fixture
def saved(tiny_loaded, tiny_models, tmp_path):
    save_finetuned(tiny_loaded.model, tiny_models.llm, tmp_path / "finetune")
    return tmp_path / "finetune"


def config_of(models, **changes):
    towers = {"mm_vision_tower": str(models.clip), "mm_vision_tower_aux": str(models.aux)}
    return read_config(models.llm, **towers, **changes)


def rewrite(folder, change) -> None:
    """Apply ``change`` to the dictionary of tensors in a folder's one weight file."""
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")


def test_a_finetuned_folder_loads_as_it_was_saved(tiny_loaded, saved):
    loaded = load_mgm(saved)
    for name, tensor in tiny_loaded.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    assert loaded.image_processor == tiny_loaded.image_processor
    assert (
        loaded.tokenizer("<start_of_turn>é")["input_ids"]
        == tiny_loaded.tokenizer("<start_of_turn>é")["input_ids"]
    )
    assert not loaded.model.training


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_rotary_frequencies_stay_in_float32(saved, tiny_models, dtype):
    for model in (
        load_mgm(saved, dtype=dtype).model,
        load_base(config_of(tiny_models), tiny_models.llm, None, dtype, seed=0),
    ):
        assert {p.dtype for p in model.parameters()} == {dtype}
        assert model.model.rotary_emb.inv_freq.dtype == torch.float32


def test_names_are_the_official_ones_and_the_index_lists_them_all(saved):
    names = json.loads((saved / "model.safetensors.index.json").read_text())["weight_map"]
    assert names.keys() == load_file(saved / "model.safetensors").keys()
    assert {
        "model.embed_tokens.weight",
        "model.mm_projector.0.weight",
        "model.vlm_uni_query_projector.0.weight",
        "model.vision_tower.vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight",
        "model.vision_tower_aux.vision_stem.0.weight",
        "model.vision_tower_aux.vision_stages.3.blocks.0.conv_dw.weight",
    } <= names.keys()
    assert "lm_head.weight" not in names


def test_shards_hold_what_one_file_holds(tiny_loaded, saved, monkeypatch):
    (saved / "model.safetensors").unlink()
    state = {name: t for name, t in tiny_loaded.model.state_dict().items() if name != "lm_head.weight"}
    write_folder(saved, state, shard_bytes=200_000)
    assert len(weight_files(saved)) > 2
    again = {name: tensor for _, name, tensor in read_folder(saved)}
    assert again.keys() == state.keys() and all(torch.equal(again[name], state[name]) for name in state)
    weight_files(saved)[1].unlink()
    with pytest.raises(BadInput, match=r"shard .* is missing"):
        load_mgm(saved)


def test_towers_come_from_their_folders_when_the_weights_lack_them(tiny_loaded, saved):
    def drop_towers(state):
        for name in [name for name in state if ".vision_tower" in name]:
            del state[name]

    rewrite(saved, drop_towers)
    (saved / "model.safetensors.index.json").unlink()
    loaded = load_mgm(saved)
    for name, tensor in tiny_loaded.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name


LAYER = "model.layers.1.mlp.up_proj.weight"
STAGE = "model.vision_tower_aux.vision_stages.1.blocks.0.norm.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop(LAYER), f"missing: {LAYER}"),
        (lambda state: state.pop(STAGE), f"missing: {STAGE}"),
        (
            lambda state: state.update({"model.extra": torch.zeros(1)}),
            "unexpected in .*safetensors: model.extra",
        ),
        (
            lambda state: state.update({LAYER: torch.zeros(56, 41)}),
            r"misshapen in .*safetensors: .*up_proj.weight is \(56, 41\), needed \(56, 40\)",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_named_with_their_file(saved, change, message):
    rewrite(saved, change)
    with pytest.raises(BadInput, match=message) as error:
        load_mgm(saved)
    assert "fetch or make the named file again" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", None])
def test_a_broken_weight_file_is_an_error_with_its_name(saved, content):
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(BadInput, match=r"model\.safetensors: not a readable weight file"):
        load_mgm(saved)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"model.mm_projector.0.weight": Evil()}, tmp_path / "mm_projector.bin")
    with pytest.raises(BadInput, match="not a readable weight file"):
        read_file(tmp_path / "mm_projector.bin")


def test_an_adapter_holds_the_projectors_and_loads_again(tiny_loaded, tiny_models, tmp_path):
    save_adapter(tiny_loaded.model, tmp_path / "mm_projector.bin")
    model = load_base(
        config_of(tiny_models), tiny_models.llm, tmp_path / "mm_projector.bin", torch.float32, seed=0
    )
    kept = read_file(tmp_path / "mm_projector.bin")
    assert {name.split(".")[1] for name in kept} == {
        *("mm_projector", "vlm_uni_query_projector", "vlm_uni_aux_projector", "vlm_uni_val_projector")
    }
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in kept.items())


def test_tower_weights_in_an_adapter_win_over_the_towers_folders(tiny_loaded, tiny_models, tmp_path):
    values = {
        name: tensor + 1 if ".vision_tower_aux." in name else tensor
        for name, tensor in tiny_loaded.model.state_dict().items()
        if ".mm_projector" in name or ".vlm_uni" in name or ".vision_tower_aux." in name
    }
    torch.save(values, tmp_path / "mm_projector.bin")
    model = load_base(
        config_of(tiny_models), tiny_models.llm, tmp_path / "mm_projector.bin", torch.float32, seed=0
    )
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in values.items())


def test_fresh_projectors_depend_on_the_seed_alone(tiny_models):
    torch.manual_seed(99)
    first, again, other = (
        load_base(config_of(tiny_models), tiny_models.llm, None, torch.float32, seed)
        .model.mm_projector[0]
        .weight
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_clip_vision_model_folder_loads_like_the_whole_clip(tiny_loaded, tiny_models, tmp_path):
    shutil.copytree(tiny_models.clip, tmp_path / "clip")
    config = json.loads((tiny_models.clip / "config.json").read_text())["vision_config"]
    (tmp_path / "clip/config.json").write_text(json.dumps(config | {"model_type": "clip_vision_model"}))
    rewrite(
        tmp_path / "clip",
        lambda state: [state.pop(n) for n in list(state) if not n.startswith("vision_model")],
    )
    config = config_of(tiny_models)
    config.mm_vision_tower = str(tmp_path / "clip")
    model = load_base(config, tiny_models.llm, None, torch.float32, seed=0)
    for name, tensor in tiny_loaded.model.model.vision_tower.state_dict().items():
        assert torch.equal(model.model.vision_tower.state_dict()[name], tensor)


def test_tower_folders_move_with_the_tree_they_lie_in(tiny_loaded, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert portable(tmp_path / "models/clip", tmp_path / "runs/finetune") == "../../models/clip"
    assert portable("/elsewhere/clip", tmp_path / "runs/finetune") == "/elsewhere/clip"
    save_config(tiny_loaded.model.config, saved)
    config = read_config(saved, mm_vision_tower="../finetune")
    resolve_towers(config, saved)
    assert config.mm_vision_tower == str(saved)
    config.mm_vision_tower = "gone"
    with pytest.raises(BadInput, match="mm_vision_tower gone is not a folder"):
        resolve_towers(config, saved)


def test_a_folder_of_another_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(BadInput, match="model_type llama is not supported"):
        read_config(tmp_path)
    with pytest.raises(BadInput, match=r"no weights \(model.safetensors or pytorch_model.bin\)"):
        weights.weight_files(tmp_path)


@pytest.fixture
def full_disk():
    """No file may grow past 1,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_is_an_error_with_the_file_and_leaves_no_part_of_it(tiny_loaded, tmp_path, full_disk):
    state = {"a": torch.zeros(5000)}
    with pytest.raises((BadInput, OSError), match=r"model\.safetensors|File too large"):
        write_folder(tmp_path, state)
    with pytest.raises((BadInput, OSError), match=r"mm_projector\.bin|File too large"):
        save_adapter(tiny_loaded.model, tmp_path / "mm_projector.bin")
    assert not list(tmp_path.iterdir())
