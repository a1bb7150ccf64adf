"""Tiny random models and data in the official layouts, all sizes distinct."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
IMAGE_SIZE_AUX = 96  # 24 × 24 positions in the trunk's first stage, 6 × 6 under each of CLIP's 4 × 4 patches


@dataclass
class TinyModels:
    """Folders of one LLM, one CLIP and one OpenCLIP."""

    llm: Path
    clip: Path
    aux: Path

    def flags(self) -> list[str]:
        """As ``train.py`` takes them."""
        return [
            *("--model_name_or_path", str(self.llm)),
            *("--vision_tower", str(self.clip)),
            *("--vision_tower_aux", str(self.aux)),
            *("--image_size_aux", str(IMAGE_SIZE_AUX)),
        ]


def write_tokenizer(folder: Path) -> int:
    """A tokenizer of single characters with byte fallback; returns the size of its vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    letters = [chr(c) for c in range(33, 127)] + ["▁", "\n"]
    vocab = {token: i for i, token in enumerate([*SPECIAL, *(f"<0x{b:02X}>" for b in range(256)), *letters])}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(vocab)


def write_llm(folder: Path) -> None:
    """A Gemma of width 40, 3 layers, 3 heads of 8."""
    from transformers import GemmaConfig, GemmaForCausalLM

    folder.mkdir(parents=True)
    config = GemmaConfig(
        vocab_size=write_tokenizer(folder),
        hidden_size=40,
        intermediate_size=56,
        num_hidden_layers=3,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=512,
        initializer_range=0.1,
    )
    GemmaForCausalLM(config).save_pretrained(folder)


def write_clip(folder: Path) -> None:
    """A whole CLIPModel, text tower included: width 36, 4 layers, 4 × 4 patches of 7 pixels."""
    from transformers import CLIPConfig, CLIPModel

    sizes = {"num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 52}
    vision = {"hidden_size": 36, "image_size": 28, "patch_size": 7, "initializer_factor": 3.0, **sizes}
    text = {"hidden_size": 30, "vocab_size": 50, "eos_token_id": 1, **sizes}
    CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=20)).save_pretrained(folder)
    values = {"crop_size": 28, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(values))


def write_aux(folder: Path) -> None:
    """timm's smallest ConvNeXt: 24, 32, 48 and 64 channels."""
    import timm
    import torch

    folder.mkdir(parents=True)
    trunk = timm.create_model("test_convnext", num_classes=0)
    state = {f"visual.trunk.{name}": tensor for name, tensor in trunk.state_dict().items()}
    state = {name: torch.ones_like(t) * 0.5 if name.endswith("gamma") else t for name, t in state.items()}
    torch.save(state | {"logit_scale": torch.ones(())}, folder / "open_clip_pytorch_model.bin")
    config = {"model_cfg": {"vision_cfg": {"timm_model_name": "test_convnext"}}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> TinyModels:
    """Random weights from one seed; read only."""
    import torch

    torch.manual_seed(7)
    root = tmp_path_factory.mktemp("models")
    models = TinyModels(root / "gemma-2b-it", root / "clip-vit", root / "openclip-convnext")
    write_llm(models.llm)
    write_clip(models.clip)
    write_aux(models.aux)
    return models


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    """A folder with ``data.json``: 22 samples, every fifth without image, and images of several shapes."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    random = np.random.default_rng(3)
    records = []
    for i in range(22):
        shape = (*random.integers(20, 120, 2), 3)
        Image.fromarray(random.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"images/{i}.png")
        answer = " ".join(
            ["red", "blue", "a green sign", "7 – sieben"][k] for k in random.integers(0, 4, 1 + i % 3)
        )
        record = {"id": f"id-{i}", "image": f"images/{i}.png"}
        question = "<image>\nWhat is shown?"
        if i % 5 == 4:
            record, question = {"id": f"id-{i}"}, "Name a colour."
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
        records.append(record | {"conversations": turns})
    (folder / "data.json").write_text(json.dumps(records))
    return folder


@pytest.fixture(scope="session")
def tiny_loaded(tiny_models, tmp_path_factory):
    """A `LoadedMGM` of the tiny models with fresh projectors."""
    import torch

    from mgm.checkpoint import LoadedMGM, load_base, load_processor, load_tokenizer, read_config

    towers = {"mm_vision_tower": str(tiny_models.clip), "mm_vision_tower_aux": str(tiny_models.aux)}
    config = read_config(tiny_models.llm, image_size_aux=IMAGE_SIZE_AUX, image_aspect_ratio="pad", **towers)
    model = load_base(config, tiny_models.llm, None, torch.float32, seed=5)
    return LoadedMGM(model.eval(), load_tokenizer(tiny_models.llm, 512), load_processor(config))
