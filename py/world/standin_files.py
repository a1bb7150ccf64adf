"""A trained stand-in's folder in ``weights/``: the files of the official one, its weights in float16."""

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    Blip2Processor,
    BlipImageProcessor,
    BlipProcessor,
    CLIPImageProcessor,
    CLIPProcessor,
)

from json_files import write_json
from world.bpe import bert_tokenizer, clip_tokenizer, gemma_tokenizer, opt_tokenizer
from world.render import SIZE
from world.shipped import BLIP2, CLIP, CONVNEXT, GEMMA, ITM
from world.standins import CLIP_SIZE, MEAN, QUERIES, STD


def _gemma_files(folder: Path) -> None:
    tokenizer = gemma_tokenizer()
    tokenizer.save_pretrained(folder)
    write_json(folder / "special_tokens_map.json", tokenizer.special_tokens_map)


def _clip_files(folder: Path) -> None:
    square = {"height": CLIP_SIZE, "width": CLIP_SIZE}
    processor = CLIPImageProcessor(size={"shortest_edge": CLIP_SIZE}, crop_size=square)
    CLIPProcessor(processor, clip_tokenizer()).save_pretrained(folder)
    processor.save_pretrained(folder)


def _convnext_files(folder: Path) -> None:
    vision = {
        "timm_model_name": "test_convnext",
        "timm_model_pretrained": False,
        "timm_pool": "",
        "timm_proj": "mlp",
        "timm_drop": 0.0,
        "timm_drop_path": 0.1,
        "image_size": SIZE,
    }
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    config = {
        "model_cfg": {"embed_dim": 64, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": MEAN, "std": STD},
    }
    write_json(folder / "open_clip_config.json", config)


def _blip2_files(folder: Path) -> None:
    processor = BlipImageProcessor(size={"height": SIZE, "width": SIZE}, image_mean=MEAN, image_std=STD)
    Blip2Processor(processor, opt_tokenizer(), num_query_tokens=QUERIES).save_pretrained(folder)
    processor.save_pretrained(folder)


def _itm_files(folder: Path) -> None:
    processor = BlipImageProcessor(size={"height": SIZE, "width": SIZE}, image_mean=MEAN, image_std=STD)
    BlipProcessor(processor, bert_tokenizer()).save_pretrained(folder)
    processor.save_pretrained(folder)


FILES = {
    GEMMA: _gemma_files,
    CLIP: _clip_files,
    CONVNEXT: _convnext_files,
    BLIP2: _blip2_files,
    ITM: _itm_files,
}


def save_shipped(name: str, model: nn.Module, folder: Path) -> None:
    """Write ``model`` to ``folder``: configuration, tokenizer, float16 weights in one safetensors file."""
    folder.mkdir(parents=True)
    if name == CONVNEXT:
        weights = {f"visual.trunk.{key}": value for key, value in model.state_dict().items()}
    else:
        model.save_pretrained(folder)
        weights = load_file(folder / "model.safetensors")
    if name == GEMMA:
        index = {"metadata": {}, "weight_map": dict.fromkeys(weights, "model.safetensors")}
        write_json(folder / "model.safetensors.index.json", index)
    FILES[name](folder)
    save_file(
        {key: value.half().contiguous() for key, value in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
