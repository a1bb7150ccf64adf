"""The low-resolution tower: CLIP's vision transformer, frozen (official ``clip_encoder.py``)."""

from pathlib import Path

import torch
from torch import nn
from transformers.models.clip.modeling_clip import CLIPVisionConfig, CLIPVisionModel

from errors import BadInput
from json_files import read_json
from mgm.config_checks import require_sizes

FOREIGN = ("torch_dtype", "architectures", "auto_map")


def vision_config(folder: str | Path) -> CLIPVisionConfig:
    """Read the vision part of a CLIPModel's or a CLIPVisionModel's ``config.json``."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise BadInput(f"{path} is missing: not a CLIP vision tower; check --vision_tower")
    values = read_json(path)
    values = values if isinstance(values, dict) else {}
    values = values.get("vision_config") or values
    if "patch_size" not in values or "image_size" not in values:
        raise BadInput(f"{path}: not a CLIP vision tower (no patch_size); check --vision_tower")
    require_sizes(path, values, "CLIP")
    try:
        return CLIPVisionConfig(**{k: v for k, v in values.items() if k not in FOREIGN})
    except Exception as error:  # transformers' own reading of it comes to a dozen types
        reason = (str(error).splitlines() or [type(error).__name__])[-1].strip()
        raise BadInput(f"{path}: not a CLIP vision tower ({reason}); check --vision_tower") from error


class VisionTower(nn.Module):
    """Features of one hidden layer. Parameters: ``vision_tower.vision_model.*``, as official checkpoints name
    them.

    ``select_layer`` indexes CLIP's hidden states (-2: the last but one); layers past it are kept for saving,
    never computed.
    """

    def __init__(self, config: CLIPVisionConfig, select_layer: int) -> None:
        super().__init__()
        states = config.num_hidden_layers + 1  # the embedding's output counts
        if not -states <= select_layer < states:
            fault = f"mm_vision_select_layer {select_layer}: the tower has {states} hidden states"
            raise BadInput(f"{fault}; correct config.json, or give the tower that belongs to it")
        self.depth = select_layer % states
        self.hidden_size = config.hidden_size
        self.grid = config.image_size // config.patch_size  # patches a side
        self.vision_tower = nn.Module()
        self.vision_tower.vision_model = CLIPVisionModel(config)

    def train(self, mode: bool = True) -> "VisionTower":
        """Stay in evaluation mode, where nothing is checkpointed or dropped."""
        return super().train(False) if self.training else self  # called at every step

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """``images`` (B, 3, H, H) to features (B, P, D) with P the number of patches."""
        tower = self.vision_tower.vision_model
        hidden = tower.pre_layrnorm(tower.embeddings(images))  # (B, 1 + P, D)
        for layer in tower.encoder.layers[: self.depth]:
            hidden = layer(hidden, None)
        return hidden[:, 1:]  # without the class token
