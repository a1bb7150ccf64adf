"""Operations of the models that synthesis asks, one record each, on the meta device."""

from pathlib import Path

import torch
from transformers import Blip2ForConditionalGeneration, BlipForImageTextRetrieval, CLIPModel, initialization

from costs.shapes import OFFICIAL
from costs.step import flop

CAPTION_TOKENS = 20  # written a caption, and read a text


def on_meta(kind: type, folder: Path | None, name: str) -> torch.nn.Module:
    """A model on the meta device: of the shape in ``folder``, or without one of the official shape."""
    there = folder is not None and (folder / "config.json").is_file()
    config = kind.config_class.from_pretrained(folder if there else OFFICIAL / name)
    with torch.device("meta"), initialization.no_init_weights():
        return kind(config).eval().requires_grad_(False)


def picture(side: int) -> torch.Tensor:
    return torch.empty(1, 3, side, side, device="meta")


def caption_flop(folder: Path | None = None) -> int:
    """BLIP-2 reads one image and writes `CAPTION_TOKENS` tokens with a cache."""
    model = on_meta(Blip2ForConditionalGeneration, folder, "blip2-opt-2.7b")
    config = model.config
    positions = config.num_query_tokens + CAPTION_TOKENS

    def part() -> None:
        seen = model.vision_model(picture(config.vision_config.image_size)).last_hidden_state
        queries = model.query_tokens.expand(1, -1, -1)
        model.qformer(query_embeds=queries, encoder_hidden_states=seen)
        decoder = model.language_model.model.decoder
        width = config.text_config.hidden_size
        for layer in decoder.layers:
            layer(torch.empty(1, positions, width, device="meta"), attention_mask=None)
        model.language_model.lm_head(torch.empty(1, CAPTION_TOKENS, width, device="meta"))

    return flop(part)


def similarity_flop(folder: Path | None = None) -> int:
    """CLIP reads one image and one text of full length."""
    model = on_meta(CLIPModel, folder, "clip-vit-base-patch32")

    def part() -> None:
        model.vision_model(picture(model.config.vision_config.image_size))
        length = model.config.text_config.max_position_embeddings
        embeds = torch.empty(1, length, model.config.text_config.hidden_size, device="meta")
        for layer in model.text_model.encoder.layers:
            layer(embeds, None)

    return flop(part)


def matching_flop(folder: Path | None = None) -> int:
    """BLIP matches one image with one text."""
    model = on_meta(BlipForImageTextRetrieval, folder, "blip-itm-base-coco")

    def part() -> None:
        seen = model.vision_model(picture(model.config.vision_config.image_size)).last_hidden_state
        embeds = torch.empty(1, CAPTION_TOKENS, model.config.text_config.hidden_size, device="meta")
        for layer in model.text_encoder.encoder.layer:
            layer(embeds, encoder_hidden_states=seen)

    return flop(part)
