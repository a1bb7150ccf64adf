"""The high-resolution tower: a frozen timm trunk with stem and stages (official ``openclip_encoder.py``)."""

import re
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate

from errors import BadInput
from json_files import read_json
from shapes import misfit

NAME = re.compile(r"[\w.]+", re.ASCII)  # with a colon in it timm would fetch, or look elsewhere
TRUNK = {"model_cfg": {"vision_cfg": {"timm_model_name": str}}}


def trunk_name(folder: str | Path) -> str:
    """The timm model named in a folder's ``open_clip_config.json``."""
    path = Path(folder) / "open_clip_config.json"
    if not path.is_file():
        raise BadInput(f"{path} is missing: not an OpenCLIP tower; check --vision_tower_aux")
    values = read_json(path)
    if misfit(values, TRUNK):
        raise BadInput(f"{path}: no model_cfg.vision_cfg.timm_model_name; check --vision_tower_aux")
    name = values["model_cfg"]["vision_cfg"]["timm_model_name"]
    if not NAME.fullmatch(name):
        raise BadInput(f"{path}: timm_model_name {name!r} is no name of timm's; check --vision_tower_aux")
    return name


class VisionTowerAux(nn.Module):
    """All stages' outputs on the first stage's grid. Parameters: ``vision_stem.*``, ``vision_stages.*``.

    The official run leaves the trunk's drop path on while training; here a frozen tower is deterministic.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        import timm  # takes seconds

        name = trunk_name(folder)
        try:
            trunk = timm.create_model(name, pretrained=False, num_classes=0)
        except RuntimeError as error:
            raise BadInput(f"{folder}/open_clip_config.json: {error}; check --vision_tower_aux") from error
        if not hasattr(trunk, "stem") or not hasattr(trunk, "stages"):
            raise BadInput(
                f"{folder}/open_clip_config.json: {name} has no stem and stages; use a ConvNeXt-like trunk"
            )
        self.channels = [stage["num_chs"] for stage in trunk.feature_info]
        self.reductions = [stage["reduction"] for stage in trunk.feature_info]  # pixels per position
        self.stride = self.reductions[0]
        self.hidden_size = sum(self.channels)
        self.vision_stem = trunk.stem
        self.vision_stages = trunk.stages

    def train(self, mode: bool = True) -> "VisionTowerAux":
        """Stay in evaluation mode: drop path would make a frozen tower's features random."""
        return super().train(False) if self.training else self  # called at every step

    def forward(self, images_aux: torch.Tensor) -> torch.Tensor:
        """``images_aux`` (B, 3, H, H) to features (B, C, H/stride, H/stride), C over all stages."""
        return self.raise_to_grid(self.stages(images_aux))

    @torch.no_grad()
    def stages(self, images_aux: torch.Tensor) -> list[torch.Tensor]:
        """``images_aux`` (B, 3, H, H) to each stage's output (B, C_s, h_s, h_s), the first the largest."""
        x, stages = self.vision_stem(images_aux), []
        for stage in self.vision_stages:
            x = stage(x)
            stages.append(x)
        return stages

    @torch.no_grad()
    def raise_to_grid(self, stages: list[torch.Tensor]) -> torch.Tensor:
        """All stages, interpolated to the first one's size, side by side: (B, C, h, w)."""
        size = stages[0].shape[-2:]
        raised = [
            interpolate(x.float(), size=size, mode="bilinear", align_corners=False).to(x.dtype)
            for x in stages[1:]
        ]
        return torch.cat([stages[0], *raised], dim=1)

    def stage_shapes(self, side: int) -> list[tuple[int, int, int]]:
        """(C_s, h_s, h_s) of each stage for a picture of ``side`` pixels."""
        sides = [side // reduction for reduction in self.reductions]
        return [(channels, h, h) for channels, h in zip(self.channels, sides, strict=True)]
