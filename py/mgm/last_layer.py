"""The decoder's last layer, computed where its output is read: before labels, or at the newest token.

Keys and values are needed everywhere, queries, their attention and the feed-forward part only there.
"""

import torch
from transformers import Cache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gemma.modeling_gemma import (
    GemmaAttention,
    GemmaDecoderLayer,
    eager_attention_forward,
    rotate_half,
)

from mgm.config import IGNORE_INDEX


def labelled_columns(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """From ``labels`` (B, L): the n labels (n,), the columns (B, Q) before them, and which of these are such.

    Rows with fewer labels than Q ≥ 1 are filled up with their last column.
    """
    kept = labels[:, 1:] != IGNORE_INDEX
    counts = kept.sum(1, keepdim=True)
    is_label = torch.arange(max(int(counts.max()), 1), device=labels.device) < counts
    wanted = torch.full_like(is_label, labels.shape[1] - 1, dtype=torch.long)
    wanted[is_label] = kept.nonzero()[:, 1]  # both in reading order
    return labels[:, 1:][kept], wanted, is_label


class LastLayer(GemmaDecoderLayer):
    """Gemma's layer with its parameters; without ``wanted`` it is just that, the plain form."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        wanted: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        past_key_values: Cache | None = None,
        **kwargs,
    ) -> torch.Tensor:
        """``hidden_states`` (B, L, D) to (B, Q, D) at the columns ``wanted`` (B, Q), or to (B, L, D).

        ``attention_mask`` is None (causal) or (B, 1, L, T), T positions counting those in the cache.
        """
        decoder = {"position_embeddings": position_embeddings, "past_key_values": past_key_values}
        if wanted is None:
            return super().forward(hidden_states, attention_mask=attention_mask, **decoder, **kwargs)
        rows = torch.arange(len(wanted), device=wanted.device)[:, None]
        normed = self.input_layernorm(hidden_states)
        hidden = hidden_states[rows, wanted]  # (B, Q, D)
        hidden = hidden + attend(self.self_attn, normed, rows, wanted, attention_mask, **decoder)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


def attend(
    attention: GemmaAttention,
    normed: torch.Tensor,
    rows: torch.Tensor,
    wanted: torch.Tensor,
    mask: torch.Tensor | None,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    past_key_values: Cache | None,
) -> torch.Tensor:
    """Attention of the columns ``wanted`` to all (B, L, D) that they may see: (B, Q, D)."""

    def heads(states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)  # (B, heads, ·, head_dim)

    cos, sin = (table.expand(len(normed), -1, -1) for table in position_embeddings)
    query = rotated(heads(attention.q_proj(normed[rows, wanted])), cos[rows, wanted], sin[rows, wanted])
    key, value = rotated(heads(attention.k_proj(normed)), cos, sin), heads(attention.v_proj(normed))
    if past_key_values is not None:
        key, value = past_key_values.update(key, value, attention.layer_idx)
    if mask is None:
        before = key.shape[2] - normed.shape[1]  # positions in the cache
        mask = torch.arange(key.shape[2], device=wanted.device) <= (wanted + before)[:, None, :, None]
    else:
        mask = mask[rows, 0, wanted][:, None]  # (B, 1, Q, T)
    interface = ALL_ATTENTION_FUNCTIONS.get_interface(
        attention.config._attn_implementation, eager_attention_forward
    )
    out, _ = interface(attention, query, key, value, mask, scaling=attention.scaling)
    return attention.o_proj(out.flatten(2))


def rotated(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions, as Gemma's ``apply_rotary_pos_emb`` has them."""
    return states * cos[:, None] + rotate_half(states) * sin[:, None]
