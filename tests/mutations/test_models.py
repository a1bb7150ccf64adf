"""Changed checkpoints, their headers and configurations: the same tensors, or a refusal."""

import io
import json

import pytest
import torch
from safetensors.torch import save
from transformers import GemmaModel

from mgm.checkpoint import load_tokenizer
from mgm.config import read_config
from mgm.weights import read_file, read_folder
from mutations.harness import Refusal

pytestmark = pytest.mark.attack("mutations")

TENSORS = {
    "model.mm_projector.0.weight": torch.arange(12.0).reshape(3, 4),
    "b": torch.ones(5, dtype=torch.float16),
}


def told(state: dict) -> list:
    """Names, types, shapes and values."""
    return sorted((name, str(t.dtype), tuple(t.shape), t.flatten().tolist()) for name, t in state.items())


def only_names_and_bits(case, value, expected):
    """Tensors may have other names, types or values, as the file says; no more of them than it holds."""
    if not isinstance(value, Refusal):
        assert sum(len(row[3]) for row in value) * 8 <= 8 * len(case.content) + 64


def test_safetensors(attack):
    attack(
        {"w.safetensors": save(TENSORS)},
        lambda folder: told(read_file(folder / "w.safetensors")),
        only_names_and_bits,
    )


def test_an_adapter(attack):
    content = io.BytesIO()
    torch.save(TENSORS, content)
    attack(
        {"mm_projector.bin": content.getvalue()},
        lambda folder: told(read_file(folder / "mm_projector.bin")),
    )


def test_an_adapter_of_old(attack):
    """The format before PyTorch 1.6, a pickle alone."""
    content = io.BytesIO()
    torch.save(TENSORS, content, _use_new_zipfile_serialization=False)
    attack(
        {"mm_projector.bin": content.getvalue()},
        lambda folder: told(read_file(folder / "mm_projector.bin")),
    )


def test_an_index(attack):
    index = {
        "metadata": {"total_size": 58},
        "weight_map": {name: f"{n}.safetensors" for n, name in enumerate(TENSORS)},
    }
    shards = {f"{n}.safetensors": save({name: tensor}) for n, (name, tensor) in enumerate(TENSORS.items())}

    def act(folder):
        return told({name: tensor for _, name, tensor in read_folder(folder)})

    def check(case, value, expected):
        if not isinstance(value, Refusal):  # a shard that nothing names is missed when the model is filled
            assert all(row in expected for row in value)

    attack(
        {"model.safetensors.index.json": json.dumps(index).encode(), **shards},
        act,
        check,
        ["model.safetensors.index.json"],
    )


@pytest.fixture(scope="module")
def gemma(standin):
    """The files of the demo's Gemma, its weights aside."""
    from pathlib import Path

    folder = Path(standin("gemma-2b-it"))
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".json"}


def test_a_configuration(gemma, attack):
    def act(folder):
        config = read_config(folder)
        with torch.device("meta"):
            GemmaModel(config)
        return json.dumps(config.to_dict(), sort_keys=True, default=str)

    attack(gemma, act, None, ["config.json"])


def test_a_tokenizer(gemma, attack):
    def act(folder):
        return load_tokenizer(folder, 2048)("a red cube on the moon 7")["input_ids"]

    attack(gemma, act, None, ["tokenizer.json", "tokenizer_config.json"], layout=False)
