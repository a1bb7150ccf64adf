"""The model as the official code computes it, the oracle of every rewrite and what benchmarks compare with.

Every position is projected for mining, goes through the last layer and gets its 256,000 logits.
"""

import torch

from mgm.loss import mean_loss_plain
from mgm.mining import mine_plain
from mgm.model import MGMGemmaForCausalLM


class PlainMGM(MGMGemmaForCausalLM):
    """As `MGMGemmaForCausalLM`: same parameters, same loss, same gradients."""

    mine = staticmethod(mine_plain)

    def labelled_loss(
        self, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None, **given
    ) -> torch.Tensor:
        """The loss from logits at all positions."""
        hidden = self.model(**given, use_cache=False).last_hidden_state  # (B, L, D)
        mean = mean_loss_plain(hidden[:, :-1].flatten(0, 1), self.lm_head.weight, labels[:, 1:].flatten())
        return mean if num_items_in_batch is None else mean / num_items_in_batch
