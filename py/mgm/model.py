"""MGM on Gemma: pictures through towers, mining and projector into the decoder, to logits or a loss.

Official files: ``mgm_arch.py``, ``language_model/mgm_gemma.py``.
"""

import torch
from torch import nn
from transformers import Cache, GemmaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from mgm.config import IMAGE_TOKEN_INDEX, MGMConfig
from mgm.decoder import MGMGemmaModel
from mgm.last_layer import labelled_columns
from mgm.loss import mean_loss
from mgm.mining import mine, windows
from mgm.splice import Spliced, splice


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
        """The frozen part: ``images`` (N, 3, H, H) to (N, P, D_clip), ``images_aux`` to (N, C, h, h)."""
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
        are_features: bool = False,
    ) -> Spliced:
        """Splice pictures (one a row, (B, 3, ·, ·)) into ids; rows without a slot cost no tower computation.

        With ``are_features`` the towers' outputs (see `tower_features`) are given in place of pictures.
        transformers 4.38 multiplied whatever embeddings it was given, image features included, by √D; version
        5 scales in ``embed_tokens``, so only the image features are scaled here.
        """
        slots = input_ids == IMAGE_TOKEN_INDEX
        with_image, count = slots.any(1), int(slots.sum())
        assert count == int(with_image.sum()), "one image slot a row at most"
        rows = with_image if count else torch.arange(1, device=input_ids.device)
        encode = self.project if are_features else self.encode_images
        # A batch of text encodes one picture and takes none, so that every projector gets a gradient.
        features = encode(images[rows], images_aux[rows])[:count]
        embed_tokens = self.model.embed_tokens
        dtype = embed_tokens.weight.dtype
        features = features.to(dtype) * embed_tokens.embed_scale.to(dtype)
        return splice(input_ids, attention_mask, labels, embed_tokens, features)

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
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        last_only: torch.Tensor | None = None,
    ) -> CausalLMOutputWithPast:
        """With ``labels``: `labelled_loss`; else logits (B, L, V), or of columns ``last_only`` (B,) alone."""
        if images is not None:
            spliced = self.embed(input_ids, attention_mask, images, images_aux, labels, are_features)
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
