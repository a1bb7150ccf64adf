"""Shared fixtures: a small seed set with real images, and tiny random models in official folders."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builds import SECRETS, Build, build_once
from forks import Forks
from tally import pytest_addoption, pytest_collection_modifyitems, pytest_terminal_summary  # noqa: F401

WORDS = ["a", "the", "red", "green", "blue", "dark", "cube", "ring", "star", "moon", "sign", "stock", "photo"]
WORDS += ["of", "on", "by", "near", "above", "old", "tall"]


def pytest_configure(config: pytest.Config) -> None:
    """A golden folder that was named must be there; only the default ones may be missing."""
    for name in ("GOLDEN_MGM", "GOLDEN_TEXTVQA", "GOLDEN_MMBENCH"):
        if name in os.environ and not Path(os.environ[name], "expected.json").is_file():
            raise pytest.UsageError(f"{name}={os.environ[name]}: no expected.json there")


@pytest.fixture(scope="session")
def pristine(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """One whole small build, for tests that look at it or copy it before they change it.

    Made by ``forks``, as tests/determinism shows no other than by stages of their own.
    """

    def make(folder: Path) -> None:
        build = Build.new(folder)
        build.fork_from(forks)
        build.make("results", env=SECRETS)
        build.fork_no_more()

    shared = build_once(tmp_path_factory, "built", make)
    build = shared.copy(tmp_path_factory.mktemp("pristine") / "project")
    assert build.stages("results") == set()  # and the marks now know the times of the copy
    return build


@pytest.fixture
def build(pristine: Build, tmp_path: Path) -> Build:
    """A copy of the small build that a test may change."""
    return pristine.copy(tmp_path / "project")


IMPORTED = ("torch", "torchvision", "timm", "safetensors.torch", "accelerate", "deepspeed", "deepspeed.ops")
IMPORTED += ("transformers.models.gemma.modeling_gemma", "transformers.models.clip.modeling_clip")
IMPORTED += ("transformers.trainer", "transformers.models.blip.modeling_blip")
IMPORTED += ("transformers.models.blip_2.modeling_blip_2", "transformers.models.opt.modeling_opt")


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts scripts that synthesise, train, answer or count FLOP without a wait for their imports."""
    with Forks(*IMPORTED) as forks:
        yield forks


@pytest.fixture
def forked(build: Build, forks: Forks) -> None:
    """The stages of ``build`` that import torch are forks."""
    build.fork_from(forks)


MEASURED: dict[tuple, int] = {}


@pytest.fixture
def measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each training step is measured once: what it holds does not depend on the number and size of GPUs."""
    from costs.peak import peak_bytes
    from costs.step import prepare

    prepared = []

    def prepare_and_note(model: object, *how: str) -> None:
        prepared[:] = how
        prepare(model, *how)

    def measure(model: object, *sizes: int) -> int:
        key = (*prepared, *sizes)
        if key not in MEASURED:
            MEASURED[key] = peak_bytes(model, *sizes)
        return MEASURED[key]

    monkeypatch.setattr("costs.plan.prepare", prepare_and_note)
    monkeypatch.setattr("costs.memory.peak_bytes", measure)


@pytest.fixture
def estimate(
    measured_once: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., str]:
    """A function that gives what ``estimate.py FLAG …`` prints; it raises what the script would report."""
    import estimate

    def run(*flags: str) -> str:
        monkeypatch.setattr(sys, "argv", ["estimate.py", *flags])
        estimate.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def make_seed(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes ``count`` records with noise images and a stage_1.json."""
    import numpy as np
    from PIL import Image

    def make(count: int, folder: str = "seed") -> Path:
        root = tmp_path / folder
        (root / "images").mkdir(parents=True)
        rng = np.random.default_rng(7)
        lines, stage1 = [], []
        for number in range(count):
            identity, image = f"{number:09d}", f"images/{number:09d}.{'png' if number % 2 else 'jpg'}"
            height, width = (int(side) for side in rng.integers(15, 40, 2))
            Image.fromarray(rng.integers(0, 256, (height, width, 3), "u1")).save(root / image)
            caption = " ".join(rng.choice(WORDS, 4 + number % 23)) + (
                " – größer 猫" if number % 3 == 0 else ""
            )
            lines.append(
                {"id": identity, "text": f"<__dj__image>\n{caption} <|__dj__eoc|>", "images": [image]}
            )
            human = {"from": "human", "value": f"<image>\nQuestion {number}?"}
            turns = [human, {"from": "gpt", "value": caption}]
            stage1.append({"id": identity, "conversations": turns, "image": image})
        (root / "stage_1.json").write_text(json.dumps(stage1, indent=2))
        path = root / "seed.jsonl"
        path.write_text(
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
        )
        return path

    return make


@pytest.fixture
def world_seed(tmp_path: Path) -> Callable[[int], Path]:
    """A function that writes ``count`` records of the demo's world."""
    from world.training_sets import make_seed

    def make(count: int) -> Path:
        make_seed(tmp_path / "world", "test", count)
        return tmp_path / "world" / "mgm_pretrain_demo.jsonl"

    return make


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A function that gives the folder of one of the demo's models."""
    from world.shipped import restore

    shipped = Path(__file__).parents[1] / "py" / "world" / "weights"
    made: dict[str, str] = {}

    def folder(name: str) -> str:
        if name not in made:
            made[name] = str(tmp_path_factory.mktemp("standins") / name)
            restore(name, shipped / name, Path(made[name]))
        return made[name]

    return folder


def _save_tokenizer(folder: Path, model: object, decoder: object, pre: object, **tokens: str) -> None:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer, tokenizer.decoder = pre, decoder
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIPModel, 14 px, context of 64 bytes, every size distinct."""
    import torch
    from tokenizers import decoders, models, pre_tokenizers
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(1)
    vocab = {letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocab |= {"<pad>": len(vocab), "<eos>": len(vocab) + 1}
    text = {"vocab_size": 258, "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 64}
    text |= {"bos_token_id": None, "eos_token_id": 257, "pad_token_id": 256}
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": 14, "patch_size": 7}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=12, initializer_factor=8.0)
    CLIPModel(config).save_pretrained(folder)
    sides = {"size": {"shortest_edge": 14}, "crop_size": {"height": 14, "width": 14}}
    CLIPImageProcessor(**sides).save_pretrained(folder)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    _save_tokenizer(folder, models.BPE(vocab, []), decoders.ByteLevel(), byte_level, pad_token="<pad>")
    _append_eos(folder, "<eos>")
    return folder


def _append_eos(folder: Path, token: str) -> None:
    """Let the saved tokenizer end every text in ``token``, as CLIP's does."""
    from tokenizers import Tokenizer, processors

    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    ids = [(token, tokenizer.token_to_id(token))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {token}", special_tokens=ids)
    tokenizer.save(path)


@pytest.fixture(scope="session")
def tiny_blip2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Blip2ForConditionalGeneration, 14 px, 3 query tokens, that speaks in whole words."""
    import torch
    from tokenizers import decoders, models, pre_tokenizers
    from transformers import Blip2Config, Blip2ForConditionalGeneration, BlipImageProcessor

    folder = tmp_path_factory.mktemp("blip2")
    torch.manual_seed(3)
    vocab = {word: n for n, word in enumerate(["<unk>", "<pad>", "</s>", *WORDS, "<image>"])}
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": 14, "patch_size": 7, "initializer_range": 0.5}
    qformer = {"hidden_size": 18, "intermediate_size": 26, "num_hidden_layers": 1, "num_attention_heads": 2}
    qformer |= {"encoder_hidden_size": 16, "vocab_size": 11, "initializer_range": 2.0}
    text = {"model_type": "opt", "vocab_size": len(vocab), "hidden_size": 20, "word_embed_proj_dim": 20}
    text |= {"ffn_dim": 30, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 96}
    text |= {"init_std": 0.3, "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}
    sizes = {"num_query_tokens": 3, "image_token_index": vocab["<image>"]}
    config = Blip2Config(vision_config=vision, qformer_config=qformer, text_config=text, **sizes)
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessor(size={"height": 14, "width": 14}).save_pretrained(folder)
    word_level = models.WordLevel(vocab, unk_token="<unk>")
    tokens = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    _save_tokenizer(folder, word_level, decoders.WordPiece(), pre_tokenizers.Whitespace(), **tokens)
    return folder
