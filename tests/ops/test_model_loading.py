"""The models that operators ask: from any format, whole or not at all, never running code."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from errors import BadInput
from ops.model_loading import load_model

MODELS = {
    "blip2-opt-2.7b": "Blip2ForConditionalGeneration",
    "clip-vit-large-patch14-336": "CLIPModel",
    "blip-itm-base-coco": "BlipForImageTextRetrieval",
}
PARAMETER = {
    "blip2-opt-2.7b": "language_projection.weight",
    "clip-vit-large-patch14-336": "visual_projection.weight",
    "blip-itm-base-coco": "itm_head.weight",
}


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def folder(name, standin, tmp_path):
    """A copy, to change."""
    return Path(shutil.copytree(standin(name), tmp_path / name))


def state_of(folder: Path) -> dict:
    """The weights of a folder, whose files are removed."""
    [file] = folder.glob("*.safetensors")
    state = {name: tensor.clone() for name, tensor in load_file(file).items()}
    for old in folder.glob("model*.safetensors*"):
        old.unlink()
    return state


def write_sharded(folder: Path, state: dict, stem: str, ending: str, save) -> None:
    names = sorted(state)
    parts = {f"{stem}-0000{i + 1}-of-00002.{ending}": names[i::2] for i in range(2)}
    for file, part in parts.items():
        save({name: state[name] for name in part}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index))


def save_safetensors(state: dict, path: Path) -> None:
    save_file(state, path, metadata={"format": "pt"})


WRITERS = {
    "bin": lambda f, s: torch.save(s, f / "pytorch_model.bin"),
    "sharded bin": lambda f, s: write_sharded(f, s, "pytorch_model", "bin", torch.save),
    "sharded safetensors": lambda f, s: write_sharded(f, s, "model", "safetensors", save_safetensors),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_model(name, standin, folder, kind):
    state = state_of(folder)
    state["text_model.embeddings.position_ids"] = torch.arange(7)[None]  # the hub's older files hold such
    WRITERS[kind](folder, state)
    model, _, _ = load_model(MODELS[name], str(folder))
    whole, _, _ = load_model(MODELS[name], standin(name))
    assert all(torch.equal(model.state_dict()[n], tensor) for n, tensor in whole.state_dict().items())


FAULTS = [
    (lambda s, n: s.pop(n), "missing: {}"),
    (lambda s, n: s.update(extra=torch.ones(2)), "unexpected: extra"),
    (lambda s, n: s.update({n: torch.ones(3, 5)}), "misshapen: {} is .*3, 5.*, needed "),
    (lambda s, n: s[n].view(-1)[-1:].fill_(float("nan")), "not finite: {}"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=["missing", "unexpected", "misshapen", "NaN"])
def test_parameters_that_do_not_fit_are_named(name, folder, change, message):
    state = state_of(folder)
    change(state, PARAMETER[name])
    save_safetensors(state, folder / "model.safetensors")
    with pytest.raises(BadInput, match=message.format(PARAMETER[name])) as error:
        load_model(MODELS[name], str(folder))
    assert str(error.value).startswith(f"{folder}: the weights do not fit {MODELS[name]}")


class Payload:
    """Unpickled without care it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(name, folder, tmp_path):
    made = tmp_path / "made"
    torch.save(state_of(folder) | {"x": Payload(made)}, folder / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"pytorch_model.bin: not a readable weight file"):
        load_model(MODELS[name], str(folder))
    assert not made.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert made.exists(), "the payload must be one"


def test_code_named_in_the_settings_is_not_run(name, folder, tmp_path):
    made = tmp_path / "made"
    (folder / "evil.py").write_text(f"open({str(made)!r}, 'w')\nclass Evil: pass\n")
    evil = dict.fromkeys(("AutoConfig", "AutoModel", "AutoImageProcessor"), "evil.Evil")
    for file in folder.glob("*config.json"):
        values = json.loads(file.read_text())
        file.write_text(json.dumps(values | {"auto_map": evil | {"AutoTokenizer": ["evil.Evil", None]}}))
    load_model(MODELS[name], str(folder))
    assert not made.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: state_of(f), "no weights .*; fetch or make the folder again"),
        (lambda f: (state_of(f), (f / "adapter_config.json").write_text("{}")), "LoRA adapter: merge it"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b""),
            "model.safetensors: not a readable weight file",
        ),
        (lambda f: (f / "config.json").write_text("<html>"), "cannot be loaded as .*; fetch it again"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be loaded as .*; fetch it again"),
    ],
    ids=["nothing", "LoRA", "empty", "config", "tokenizer"],
)
def test_a_broken_folder_is_an_error_with_its_name(standin, tmp_path, change, message):
    folder = Path(shutil.copytree(standin("clip-vit-large-patch14-336"), tmp_path / "clip"))
    change(folder)
    with pytest.raises(BadInput, match=f"{folder}.*{message}"):
        load_model("CLIPModel", str(folder))
