"""MGM on Gemma: towers, patch-info mining, projector and decoder under the official parameter names.

Official files: ``mgm_arch.py``, ``language_model/mgm_gemma.py``.
"""

import torch
from torch import nn
from transformers import GemmaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.gemma.modeling_gemma import GemmaModel

from errors import BadInput
from mgm.config import IMAGE_TOKEN_INDEX, MGMConfig
from mgm.last_layer import LastLayer, labelled_columns
from mgm.loss import mean_loss
from mgm.mining import mine, windows
from mgm.projector import mining_projector, mm_projector
from mgm.splice import splice
from mgm.vision_tower import VisionTower, vision_config
from mgm.vision_tower_aux import VisionTowerAux


class MGMGemmaModel(GemmaModel):
    """Gemma's decoder with the two towers and the projectors beside its layers."""

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


class MGMGemmaForCausalLM(GemmaForCausalLM):
    """The whole model. `forward` takes ids with image slots (training, prefill) or embeddings (decoding)."""

    config_class = MGMConfig
    mine = staticmethod(mine)
    accepts_loss_kwargs = True  # the Trainer passes num_items_in_batch, see `labelled_loss`

    def __init__(self, config: MGMConfig) -> None:
        super(GemmaForCausalLM, self).__init__(config)
        self.model = MGMGemmaModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def tower_features(
        self, images: torch.Tensor, images_aux: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The frozen part: ``images`` (N, 3, H, H) to (N, P, D_clip), ``images_aux`` (N, 3, H', H') to (N, C,
        h, h).
        """
        tower, tower_aux = self.model.vision_tower, self.model.vision_tower_aux
        dtype = next(tower.parameters()).dtype
        return tower(images.to(dtype)), tower_aux(images_aux.to(dtype))

    def project(self, features: torch.Tensor, features_aux: torch.Tensor) -> torch.Tensor:
        """The trained part: tower features to image features (N, P, D) in the language model's width."""
        model = self.model
        positions = windows(features_aux, features.shape[1])  # (N, P, M, C)
        mined = self.mine(
            features,
            positions,
            model.vlm_uni_query_projector,
            model.vlm_uni_aux_projector,
            model.vlm_uni_val_projector,
        )
        return model.mm_projector(features + mined)

    def encode_images(self, images: torch.Tensor, images_aux: torch.Tensor) -> torch.Tensor:
        """Pictures to image features (N, P, D), before Gemma's scaling."""
        return self.project(*self.tower_features(images, images_aux))

    def embed(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        images: torch.Tensor,
        images_aux: torch.Tensor,
        labels: torch.Tensor | None = None,
        padding_side: str = "right",
        are_features: bool = False,
    ):
        """Splice pictures (one a row, (B, 3, ·, ·)) into ids; rows without a slot cost no tower computation.

        With ``are_features`` the towers' outputs (see `tower_features`) are given in place of pictures.
        transformers 4.38 multiplied whatever embeddings it was given, image features included, by √D; version
        5 scales in ``embed_tokens``, so only the image features are scaled here.
        """
        with_image = (input_ids == IMAGE_TOKEN_INDEX).any(1)
        assert int((input_ids == IMAGE_TOKEN_INDEX).sum()) == int(with_image.sum()), (
            "one image slot a row at most"
        )
        rows = with_image if with_image.any() else torch.arange(1, device=input_ids.device)
        encode = self.project if are_features else self.encode_images
        features = encode(images[rows], images_aux[rows])
        features = features[
            : int(with_image.sum())
        ]  # a batch of text: none, yet every projector gets a gradient
        embed_tokens = self.model.embed_tokens
        features = features.to(embed_tokens.weight.dtype) * embed_tokens.embed_scale.to(
            embed_tokens.weight.dtype
        )
        return splice(input_ids, attention_mask, labels, embed_tokens, features, padding_side)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        images: torch.Tensor | None = None,
        images_aux: torch.Tensor | None = None,
        are_features: bool = False,
        inputs_embeds: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values=None,
        use_cache: bool | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        last_only: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> CausalLMOutputWithPast:
        """With ``labels``: the loss (`labelled_loss`).

        Without: logits (B, L, V), or (B, 1, V) at the columns ``last_only`` (B,).
        """
        if images is not None:
            spliced = self.embed(
                input_ids, attention_mask, images, images_aux, labels, are_features=are_features
            )
            input_ids, inputs_embeds, labels = None, spliced.embeds, spliced.labels
            attention_mask, position_ids = spliced.mask, spliced.positions
        given = {"input_ids": input_ids, "inputs_embeds": inputs_embeds, "position_ids": position_ids}
        given |= {"attention_mask": attention_mask, "past_key_values": past_key_values}
        if labels is not None:
            return CausalLMOutputWithPast(loss=self.labelled_loss(labels, num_items_in_batch, **given))
        wanted = None if last_only is None else last_only[:, None]
        outputs = self.model(**given, wanted=wanted, use_cache=bool(use_cache))
        logits = self.lm_head(outputs.last_hidden_state)
        return CausalLMOutputWithPast(logits=logits, past_key_values=outputs.past_key_values)

    def labelled_loss(
        self, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None, **given
    ) -> torch.Tensor:
        """Cross entropy of the next token, in float32: the mean over the labelled ones, 0 if there are none.

        The last layer and the logits (256,000 wide) are computed only where there is a label. As in the
        official run, a global batch weighs its ``num_items_in_batch`` micro-batches (those with a label)
        alike, so their sum is its loss. ``given`` is what the decoder takes.
        """
        target, wanted, is_label = labelled_columns(labels)
        hidden = self.model(**given, wanted=wanted, use_cache=False).last_hidden_state  # (B, Q, D)
        mean = mean_loss(hidden[is_label], self.lm_head.weight, target)
        return mean if num_items_in_batch is None else mean / num_items_in_batch
