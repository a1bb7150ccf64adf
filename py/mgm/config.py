"""Configuration of the model: Gemma's own fields and the official ``mm_*`` fields, under their official
names.
"""

from transformers import AutoConfig, GemmaConfig

IMAGE_TOKEN_INDEX = -200  # the slot in ``input_ids`` that image features replace
IGNORE_INDEX = -100  # a label that the loss skips


class MGMConfig(GemmaConfig):
    """``config.json`` of an official checkpoint (``mgm_gemma.py``).

    The tower fields hold folders; `mgm.checkpoint.resolve_towers` makes them absolute.
    """

    model_type = "mgm_gemma"

    mm_vision_tower: str | None = None
    mm_vision_tower_aux: str | None = None
    mm_vision_select_layer: int = -2
    mm_vision_select_feature: str = "patch"
    mm_projector_type: str = "mlp2x_gelu"
    mm_hidden_size: int | None = None
    mm_hidden_size_aux: int | None = None
    mm_use_im_start_end: bool = False
    mm_use_im_patch_token: bool = False
    image_size_aux: int = 768
    image_aspect_ratio: str = "square"
    image_grid: int = 1
    image_global: bool = False
    tune_mm_mlp_adapter: bool = False
    freeze_mm_mlp_adapter: bool = False
    optimize_vision_tower: bool = False
    optimize_vision_tower_aux: bool = False
    use_mm_proj: bool = True
    tokenizer_padding_side: str = "right"
    tokenizer_model_max_length: int = 2048

    def __post_init__(self, **kwargs) -> None:
        # transformers 5 rewrites "gelu" to the tanh form, with a warning; the official run (4.38.2) used the
        # name as it stood, so it is kept out of sight here.
        act, self.hidden_act = self.hidden_act, "gelu_pytorch_tanh"
        super().__post_init__(**kwargs)
        self.hidden_act = act


AutoConfig.register("mgm_gemma", MGMConfig)
