"""Checkpoints, towers, projectors, pictures and finetuning files that are not what they should be.

Each row spoils one file of a built experiment; the shell step that reads it names file, place and remedy.
"""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attacks import require_refusal, run, spoilt, untouched

pytestmark = [pytest.mark.attack("bad input"), pytest.mark.slow]
RUN, MODELS, DATA = "runs/demo/default", "models/demo", "data/demo"
LLM, CLIP = f"{MODELS}/gemma-2b-it", f"{MODELS}/clip-vit-large-patch14-336"
AUX = f"{MODELS}/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup"
TUNED, PROJECTOR = f"{RUN}/finetune", f"{RUN}/pretrain/mm_projector.bin"
FINETUNE = f"{DATA}/finetune/mgm_instruction_demo.json"
TRAINED = f"--model_name_or_path {LLM} --vision_tower {CLIP} --vision_tower_aux {AUX} --image_size_aux 96"
TRAINED += " --launcher python --deepspeed none --bf16 False --global_batch_size 8 --dataloader_num_workers 0"
STEPS = {
    "evaluation": f"scripts/eval/textvqa.sh --model_path {TUNED} --data {DATA}/eval/textvqa"
    " --output out/textvqa --batch_size 50",
    "pretraining": f"scripts/pretrain.sh {TRAINED} --data_path {RUN}/synth.llava.json --image_folder"
    f" {DATA}/seed --output_dir out/pretrain",
    "finetuning": f"scripts/finetune.sh {TRAINED} --data_path {FINETUNE} --image_folder {DATA}/finetune"
    f" --output_dir out/finetune --pretrain_mm_mlp_adapter {PROJECTOR}",
}


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def become(content: bytes) -> Callable[[bytes], bytes]:
    return lambda _: content


def put(at: str, value: Any) -> Callable[[bytes], bytes]:
    """A change of a JSON file: ``value`` in the place ``at`` (a path with points); ... takes it away."""

    def change(content: bytes) -> bytes:
        whole = json.loads(content)
        *path, last = at.split(".")
        inside = whole
        for name in path:
            inside = inside[int(name) if isinstance(inside, list) else name]
        last = int(last) if isinstance(inside, list) else last
        if value is ...:
            del inside[last]
        else:
            inside[last] = value
        return json.dumps(whole).encode()

    return change


def header(change: Callable[[dict], None]) -> Callable[[bytes], bytes]:
    """A change of what a safetensors file says of its tensors."""

    def changed(content: bytes) -> bytes:
        (size,) = struct.unpack("<Q", content[:8])
        tensors = json.loads(content[8 : 8 + size])
        change(tensors)
        said = json.dumps(tensors).encode()
        return struct.pack("<Q", len(said)) + said + content[8 + size :]

    return changed


def narrow(tensors: dict) -> None:
    """One tensor of another shape, its bytes as they were."""
    name = next(name for name in tensors if name.endswith("q_proj.weight"))
    rows, columns = tensors[name]["shape"]
    tensors[name]["shape"] = [rows * 2, columns // 2]


def lose_a_tensor(tensors: dict) -> None:
    tensors.pop(next(name for name in tensors if name.endswith("q_proj.weight")))


TYPE = "model_cfg.vision_cfg.timm_model_name"
LONG = "<image>\n" + "word " * 9000
TURN, ANSWER = "3.conversations.0.value", "3.conversations.1.value"
POINTER = b"version https://git-lfs.github.com/spec/v1\n"
UNREADABLE = "not a readable weight file"
ROWS = {
    # (step, file): {name: (change, words)}
    ("evaluation", f"{TUNED}/config.json"): {
        "no configuration": (None, "config.json is missing; give a model folder that holds it"),
        "a configuration cut short": (half, "config.json: not valid JSON"),
        "a configuration that is a list": (become(b"[]"), "model_type None is not supported"),
        "another model's configuration": (put("model_type", "llama"), "model_type llama is not supported"),
        "a width in words": (put("hidden_size", "wide"), "hidden_size is 'wide', not a whole number"),
        "a width of another model": (put("intermediate_size", 24), "up_proj.weight is (256, 128), needed"),
        "layers that are not there": (put("num_hidden_layers", 9), "missing: model.layers.8."),
        "an activation of no name": (put("hidden_act", "nothing"), "hidden_act is 'nothing', unknown"),
        "a tower that is gone": (put("mm_vision_tower_folder", "../gone"), "give --vision_tower, or put"),
        "a tower that is a number": (put("mm_vision_tower", 3), "config.json: mm_vision_tower"),
        "no such layer of the tower": (put("mm_vision_select_layer", -99), "the tower has 5 hidden states"),
        "an HD model": (put("image_grid", 2), "image_grid is 2, only 1 is supported"),
    },
    ("evaluation", f"{TUNED}/model.safetensors"): {
        "weights that are gone": (None, "shard model.safetensors is missing; fetch the folder again"),
        "weights cut short": (half, UNREADABLE),
        "weights of zero bytes": (become(bytes(1000)), UNREADABLE),
        "weights that are a web page": (become(b"<!DOCTYPE html>"), UNREADABLE),
        "a header of a terabyte": (lambda old: struct.pack("<Q", 1 << 40) + old[8:], UNREADABLE),
        "a tensor of another shape": (header(narrow), "self_attn.q_proj.weight is (256, 64), needed"),
        "a tensor that is gone": (header(lose_a_tensor), "invalid offset for tensor"),
    },
    ("evaluation", f"{TUNED}/model.safetensors.index.json"): {
        "an index that is no JSON": (half, "model.safetensors.index.json: not valid JSON"),
        "an index to another file": (
            lambda old: old.replace(b"model.safetensors", b"gone.safetensors"),
            "two sets of weights",
        ),
        "an index out of the folder": (
            lambda old: old.replace(b'"model.safetensors', b'"../../../../x'),
            "no weight_map from tensors to files of this folder",
        ),
    },
    ("evaluation", f"{TUNED}/tokenizer.json"): {
        "no tokenizer": (None, "no readable tokenizer"),
        "a tokenizer cut short": (half, "no readable tokenizer"),
        "a tokenizer that is a list": (become(b"[]"), "fetch the folder again"),
    },
    ("evaluation", f"{TUNED}/tokenizer_config.json"): {
        "a tokenizer's settings in a list": (become(b"[]"), "no readable tokenizer"),
    },
    ("evaluation", f"{CLIP}/config.json"): {
        "a CLIP tower's width in words": (put("vision_config.hidden_size", "x"), "hidden_size is 'x'"),
        "a CLIP tower's patch of nothing": (put("vision_config.patch_size", 0), "patch_size is 0"),
    },
    ("evaluation", f"{CLIP}/preprocessor_config.json"): {
        "a tower's pictures cut short": (half, "preprocessor_config.json: not valid JSON"),
        "a tower's pictures of no size": (put("crop_size", "x"), "preprocessor_config.json"),
        "a tower's pictures of no spread": (put("image_std", [0, 0, 0]), "must be above 0; fetch the CLIP"),
        "a tower's pictures in a list": (become(b"[]"), "preprocessor_config.json"),
    },
    ("evaluation", f"{AUX}/open_clip_config.json"): {
        "an OpenCLIP tower of no name": (put(TYPE, "nonet"), "open_clip_config.json: Unknown model (nonet)"),
        "an OpenCLIP configuration in a list": (become(b"[]"), f"no {TYPE}; check --vision_tower_aux"),
    },
    ("pretraining", f"{CLIP}/model.safetensors"): {
        "no weights of the CLIP tower": (None, "clip-vit-large-patch14-336"),
        "a CLIP tower cut short": (half, UNREADABLE),
    },
    ("pretraining", f"{AUX}/open_clip_pytorch_model.bin"): {
        "no weights of the OpenCLIP tower": (None, "openclip-convnext-large"),
        "an OpenCLIP tower cut short": (half, UNREADABLE),
    },
    ("pretraining", f"{LLM}/model.safetensors"): {
        "no language model": (None, "shard model.safetensors is missing; fetch the folder again"),
        "a language model cut short": (half, UNREADABLE),
    },
    ("pretraining", f"{LLM}/config.json"): {
        "a language model of no type": (put("model_type", ...), "give a Gemma folder"),
    },
    ("pretraining", f"{RUN}/synth.llava.json"): {
        "captions cut short": (half, "synth.llava.json: not valid JSON"),
    },
    ("finetuning", PROJECTOR): {
        "no projector": (None, "mm_projector.bin is missing; check the path or make it again"),
        "a projector that is empty": (become(b""), UNREADABLE),
        "a projector cut short": (half, UNREADABLE),
        "a projector that is a pointer to one": (become(POINTER), UNREADABLE),
    },
    ("finetuning", FINETUNE): {
        "no finetuning data": (None, "mgm_instruction_demo.json: No such file or directory; check the path"),
        "finetuning data cut short": (half, "mgm_instruction_demo.json: not valid JSON"),
        "finetuning data in UTF-16": (lambda old: old.decode().encode("utf-16"), "demo.json:1: UTF-16 or"),
        "finetuning data in an object": (become(b"{}"), "a JSON list of records is needed"),
        "finetuning data without a sample": (become(b"[]"), "must not be empty; make it again"),
        "a sample that is a number": (put("3", 7), "id #3: not a JSON object; correct the record"),
        "a sample without turns": (put("3.conversations", []), "id 000000144: turns must alternate"),
        "a turn of nobody": (put("3.conversations.0.from", "system"), "turns must alternate human, gpt"),
        "a turn that is a number": (put(ANSWER, 7), "conversations must be a list of {from, value}"),
        "an answer that is empty": (put(ANSWER, ""), "id 000000144: empty answer"),
        "a placeholder too many": (put(TURN, "<image>\n<image>\nwhat?"), "2 image placeholders for 1 images"),
        "an image without a placeholder": (put(TURN, "what?"), "0 image placeholders for 1 images"),
        "a placeholder without an image": (put("3.image", ...), "1 image placeholders for 0 images"),
        "an image that is a list": (put("3.image", ["a.jpg"]), "image must be one path (found ['a.jpg'])"),
        "an image that is gone": (put("3.image", "images/gone.jpg"), "images/gone.jpg is missing; fetch it"),
        "an image that is a folder": (put("3.image", "images"), "finetune/images cannot be read"),
        "a sample too long": (put(TURN, LONG), "exceed model_max_length 2048; shorten the record, or"),
    },
}  # fmt: skip
CASES = {name: (*where, *what) for where, rows in ROWS.items() for name, what in rows.items()}


@pytest.fixture(scope="module")
def folder(pristine, tmp_path_factory) -> Path:
    """A built experiment, and what each step wrote earlier."""
    folder = pristine.copy(tmp_path_factory.mktemp("models") / "project").folder
    for name in ("textvqa/score.json", "pretrain/mm_projector.bin", "finetune/model.safetensors"):
        (folder / "out" / name).parent.mkdir(parents=True)
        (folder / "out" / name).write_text("earlier")
    return folder


@pytest.fixture
def step(folder, forks) -> Callable[[str], Any]:
    """A function that runs one of `STEPS` as a user would."""
    env = {"PYTHON": str(forks.python), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return lambda name: run(["bash", *STEPS[name].split()], folder, env)


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_is_named_before_anything_is_lost(folder, step, case):
    name, file, change, words = CASES[case]
    path = folder / file
    with spoilt(path, change and change(path.read_bytes())), untouched(folder / "out", folder / RUN):
        require_refusal(step(name), words)
