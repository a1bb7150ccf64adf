"""Gemma's decoder with the two towers and the projectors beside its layers (official ``mgm_arch.py``)."""

from transformers.models.gemma.modeling_gemma import GemmaModel

from errors import BadInput
from mgm.config import MGMConfig
from mgm.last_layer import LastLayer
from mgm.projector import mining_projector, mm_projector
from mgm.vision_tower import VisionTower, vision_config
from mgm.vision_tower_aux import VisionTowerAux


class MGMGemmaModel(GemmaModel):
    """All parts but the head, under the official parameter names."""

    config_class = MGMConfig

    def __init__(self, config: MGMConfig) -> None:
        super().__init__(config)
        self.layers[-1] = LastLayer(config, config.num_hidden_layers - 1)
        if config.mm_vision_select_feature != "patch":
            raise BadInput(f"mm_vision_select_feature {config.mm_vision_select_feature}: must be patch")
        self.vision_tower = VisionTower(vision_config(config.mm_vision_tower), config.mm_vision_select_layer)
        self.vision_tower_aux = VisionTowerAux(config.mm_vision_tower_aux)
        width, width_aux = self.vision_tower.hidden_size, self.vision_tower_aux.hidden_size
        self.check_geometry(config.image_size_aux)
        config.mm_hidden_size, config.mm_hidden_size_aux = width, width_aux
        self.mm_projector = mm_projector(config.mm_projector_type, width, config.hidden_size)
        self.vlm_uni_query_projector = mining_projector(width, width)
        self.vlm_uni_aux_projector = mining_projector(width_aux, width)
        self.vlm_uni_val_projector = mining_projector(width_aux, width)

    def check_geometry(self, image_size_aux: int) -> None:
        """Raise `BadInput` unless each low-resolution patch covers the same number of positions."""
        grid, stride = self.vision_tower.grid, self.vision_tower_aux.stride
        if image_size_aux % (grid * stride):
            raise BadInput(
                f"image_size_aux {image_size_aux} is no multiple of {grid * stride}, the low-resolution "
                f"tower's {grid} patches a side times the other's stride of {stride} pixels; choose one"
            )
