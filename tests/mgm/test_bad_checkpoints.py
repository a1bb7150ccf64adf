"""A finetuned folder that is not what it should be: one message with file, parameter and remedy."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from errors import BadInput
from mgm.checkpoint import load_mgm, load_tokenizer
from mgm.saving import save_finetuned, write_folder
from mgm.weights import is_finite, read_folder

INDEX = "model.safetensors.index.json"
LAYER, BIAS = "model.layers.1.mlp.up_proj.weight", "model.mm_projector.0.bias"


@pytest.fixture(scope="session")
def whole(tiny_loaded, tiny_models, tmp_path_factory):
    """A finetuned folder of several shards; read only."""
    folder = tmp_path_factory.mktemp("whole") / "finetune"
    save_finetuned(tiny_loaded.model, tiny_models.llm, folder)
    write_folder(folder, {n: t.clone() for _, n, t in read_folder(folder)}, shard_bytes=150_000)
    return folder


@pytest.fixture
def sharded(whole, tmp_path):
    """A copy, to break."""
    return shutil.copytree(whole, tmp_path / "finetune")


def edit_json(path: Path, **changes) -> None:
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | changes))


def shard_of(folder: Path, name: str) -> Path:
    return folder / json.loads((folder / INDEX).read_text())["weight_map"][name]


def edit(path: Path, **tensors) -> None:
    """Set, or with None remove, tensors of one file."""
    state = {name: tensor.clone() for name, tensor in load_file(path).items()} | tensors
    path.unlink()
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, path)


def first(folder: Path) -> Path:
    return min(folder.glob("model-*.safetensors"))


def cut_off(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def add_to_index(folder: Path, **entries: str) -> None:
    values = json.loads((folder / INDEX).read_text())
    values["weight_map"] |= entries
    (folder / INDEX).write_text(json.dumps(values))


def become_adapter(folder: Path) -> None:
    for file in folder.glob("model*"):
        file.unlink()
    (folder / "adapter_config.json").write_text("{}")


def become_gguf(folder: Path) -> None:
    for file in folder.glob("model*"):
        file.unlink()
    (folder / "gemma-2b-it.gguf").write_bytes(b"GGUF")


def nan(folder: Path, value: float) -> None:
    tensor = load_file(shard_of(folder, LAYER))[LAYER].clone()
    tensor[3, 5] = value
    edit(shard_of(folder, LAYER), **{LAYER: tensor})


def untie(folder: Path) -> None:
    embedding = "model.embed_tokens.weight"
    head = load_file(shard_of(folder, embedding))[embedding] + 1
    edit(shard_of(folder, embedding), **{"lm_head.weight": head})


CASES = {
    "a missing shard": (
        lambda f: first(f).unlink(),
        r"index.json: shard model-00001-of-\d+.safetensors is miss",
    ),
    "a cut off shard": (lambda f: cut_off(first(f), 0.9), r"model-00001-of.*not a readable weight file"),
    "a shard of no bytes": (
        lambda f: first(f).write_bytes(b""),
        r"model-00001-of.*not a readable weight file",
    ),
    "HTML for a shard": (
        lambda f: first(f).write_text("<html>"),
        r"model-00001-of.*not a readable weight file",
    ),
    "an index that names what is not there": (
        lambda f: edit(shard_of(f, LAYER), **{LAYER: None}),
        rf"missing: {LAYER}, not in .*model-.*though the index says so",
    ),
    "a tensor that the index does not list": (
        lambda f: edit(first(f), **{"model.extra": torch.ones(1)}),
        r"unexpected in .*model-00001.*: model.extra, the index does not list it",
    ),
    "a tensor in two shards": (
        lambda f: edit(first(f), **{BIAS: torch.ones(40)}),
        rf"unexpected in .*model-00001.*: {BIAS}, the index says model-",
    ),
    "a parameter too many": (
        lambda f: (edit(first(f), new=torch.ones(1)), add_to_index(f, new=first(f).name)),
        r"unexpected in .*model-00001.*: new",
    ),
    "an index that is cut off": (lambda f: cut_off(f / INDEX, 0.5), rf"{INDEX}: not valid JSON"),
    "an index without a map": (lambda f: (f / INDEX).write_text("[]"), rf"{INDEX}: no weight_map"),
    "an index that leads elsewhere": (
        lambda f: add_to_index(f, a="../x.safetensors"),
        "files of this folder",
    ),
    "two sets of weights": (lambda f: shutil.copy(first(f), f / "model.safetensors"), "two sets of weights"),
    "a config that is cut off": (lambda f: cut_off(f / "config.json", 0.5), r"config.json: not valid JSON"),
    "HTML for a config": (lambda f: (f / "config.json").write_text("<html>"), r"config.json: not valid JSON"),
    "a list for a config": (lambda f: (f / "config.json").write_text("[]"), r"config.json: model_type None"),
    "no config": (lambda f: (f / "config.json").unlink(), r"config.json is missing; give a model folder"),
    "a config of strings": (
        lambda f: edit_json(f / "config.json", hidden_size="many"),
        r"config.json: not a configuration of Gemma .*hidden_size.*fetch it again",
    ),
    "the config of another size": (
        lambda f: edit_json(f / "config.json", hidden_size=48, num_hidden_layers=4),
        rf"missing: model.layers.3.mlp(?s:.*)misshapen in .*{LAYER} is \(56, 40\), needed \(56, 48\)",
    ),
    "an HD model": (lambda f: edit_json(f / "config.json", image_grid=2), "image_grid is 2, only 1"),
    "quantised settings": (
        lambda f: edit_json(f / "config.json", quantization_config={"load_in_8bit": True}),
        r"config.json: the weights are quantised; give the same model in bfloat16",
    ),
    "int8 weights": (
        lambda f: edit(shard_of(f, LAYER), **{LAYER: torch.ones(56, 40, dtype=torch.int8)}),
        rf"quantised in .*: {LAYER} is torch.int8",
    ),
    "float8 weights": (
        lambda f: edit(shard_of(f, LAYER), **{LAYER: torch.ones(56, 40).to(torch.float8_e4m3fn)}),
        rf"quantised in .*: {LAYER} is torch.float8_e4m3fn",
    ),
    "NaN": (lambda f: nan(f, float("nan")), rf"not finite in .*model-.*: {LAYER}$(?s:.*)fetch or make"),
    "infinity": (lambda f: nan(f, float("-inf")), rf"not finite in .*model-.*: {LAYER}$"),
    "a head that is not the embedding": (untie, r"lm_head.weight, said to be tied"),
    "a LoRA adapter": (become_adapter, "no weights .*LoRA adapter: merge it into its base model"),
    "GGUF": (become_gguf, "no weights .*GGUF files are not read: fetch the model's safetensors"),
    "a tokenizer of more tokens": (
        lambda f: edit_json(f / "tokenizer_config.json", extra_special_tokens=["<more>"]),
        r"the tokenizer has 359 tokens and config.json says vocab_size 358: it belongs to another model",
    ),
    "a tokenizer of other numbers": (
        lambda f: edit_json(f / "config.json", bos_token_id=3),
        r"bos_token_id is 2 in the tokenizer and 3 in config.json",
    ),
    "a tokenizer that is cut off": (lambda f: cut_off(f / "tokenizer.json", 0.5), "no readable tokenizer"),
}


def test_the_checkpoint_that_the_cases_break_is_whole(whole):
    load_mgm(whole)


@pytest.mark.parametrize("name", CASES)
def test_a_broken_checkpoint_is_an_error_with_file_parameter_and_remedy(sharded, name):
    change, message = CASES[name]
    change(sharded)
    with pytest.raises(BadInput, match=re.compile(message, re.MULTILINE)) as error:
        load_mgm(sharded)
    assert any(word in str(error.value) for word in ("fetch", "give", "merge", "remove", "restore"))


def test_a_large_finite_value_is_told_from_infinity_where_half_precision_cannot_hold_it(sharded):
    nan(sharded, 1e6)
    load_mgm(sharded, dtype=torch.bfloat16)
    with pytest.raises(BadInput, match=rf"{LAYER} as torch.float16; load it as bfloat16 or float32"):
        load_mgm(sharded, dtype=torch.float16)


@pytest.mark.parametrize(("value", "finite"), [(1e30, True), (float("inf"), False), (float("nan"), False)])
def test_a_value_that_is_not_finite_is_found_wherever_it_is(value, finite):
    for dtype in (torch.float32, torch.bfloat16):
        tensor = torch.zeros(5, 7, dtype=dtype)
        tensor[4, 6] = value
        assert is_finite(tensor) == finite
    assert is_finite(torch.zeros(0))


def test_code_named_in_the_settings_is_not_run(sharded, tmp_path):
    made = tmp_path / "made"
    (sharded / "evil.py").write_text(f"open({str(made)!r}, 'w')\nclass Evil: pass\n")
    auto_map = {"AutoConfig": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    edit_json(sharded / "config.json", auto_map=auto_map)
    edit_json(sharded / "tokenizer_config.json", auto_map=auto_map)
    loaded = load_mgm(sharded)
    assert not made.exists() and "auto_map" not in loaded.model.config.to_dict()


@pytest.mark.parametrize("vocab_size", [300, 358, 400, 700])
def test_a_vocabulary_may_be_padded_a_little(tiny_models, tmp_path, vocab_size):
    shutil.copytree(tiny_models.llm, tmp_path / "llm")
    edit_json(tmp_path / "llm/config.json", vocab_size=vocab_size)
    if vocab_size in (358, 400):
        load_tokenizer(tmp_path / "llm", 512)
    else:
        with pytest.raises(BadInput, match=f"358 tokens and config.json says vocab_size {vocab_size}"):
            load_tokenizer(tmp_path / "llm", 512)
