"""Activations are kept where they fit."""

from types import SimpleNamespace

import pytest

from mgm.training.memory import activation_bytes, fits_without_checkpointing
from mgm.training.trainable import set_trainable


@pytest.mark.parametrize(("tokens", "fits"), [(512, True), (10**12, False)])
def test_checkpointing_is_left_on_where_a_step_would_not_fit(tiny_loaded, tokens, fits):
    set_trainable(tiny_loaded.model, tune_mm_mlp_adapter=True)
    args = SimpleNamespace(
        per_device_train_batch_size=2,
        model_max_length=tokens,
        deepspeed=None,
        device=SimpleNamespace(type="cpu"),
        world_size=1,
    )
    assert fits_without_checkpointing(tiny_loaded.model, args) is fits


def test_gemma_2b_keeps_what_was_counted_by_hand():
    """Per token and layer: 2·(8·2048 + 4·2048 + 4·16384) bytes in bfloat16, 16·2048 for the norms."""
    sizes = {"hidden_size": 2048, "num_attention_heads": 8, "head_dim": 256, "intermediate_size": 16384}
    config = SimpleNamespace(num_hidden_layers=18, **sizes)
    assert activation_bytes(config, 2048, width=2) == 2048 * 18 * 212_992
