"""Memory: against DeepSpeed's own estimate, hand counts and real tensors."""

import pytest
import torch

from costs.batch import batches
from costs.memory import Longest, model_states, sizes, step_memory
from costs.peak import Live, peak_bytes, peak_of, run_of_towers
from costs.states import MGM_2B, MGM_2B_TRAINED, Memory, checkpoint_bytes, state_bytes
from costs.step import prepare
from whole_step import whole_step


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
@pytest.mark.parametrize("offload", [True, False])
def test_states_are_what_deepspeed_estimates_where_all_is_trained(gpus, offload):
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs

    host, gpu = estimate_zero2_model_states_mem_needs(2_506_172_416, gpus, 1, cpu_offload=offload)
    ours = state_bytes(2_506_172_416, 2_506_172_416, gpus, offload)
    # DeepSpeed reckons with weights that are read in float32; here they are read as they will be.
    assert ours == Memory(gpu, host if offload else host // 2)


def test_the_numbers_of_parameters_are_the_models(mgm_2b):
    prepare(mgm_2b, "finetune", "inputs")
    assert sizes(mgm_2b) == (MGM_2B, MGM_2B_TRAINED)


def test_frozen_weights_cost_two_bytes_alone():
    assert state_bytes(1000, 0, 4, offload=False).gpu == 2000
    assert state_bytes(1000, 100, 4, offload=False).gpu == 2000 + 450
    assert checkpoint_bytes(trained=100, saved=1000) == 2 * 1400 + 2000


def test_offloading_keeps_a_buffer_for_the_largest_gradient_on_the_gpu(mgm_2b):
    for stage, largest in (("pretrain", 2048 * 2048), ("finetune", 256_000 * 2048)):
        prepare(mgm_2b, stage, "inputs")
        assert model_states(mgm_2b, 2, offload=True).gpu == 2 * MGM_2B + 2 * largest
        assert model_states(mgm_2b, 2, offload=False) == state_bytes(*sizes(mgm_2b), 2, offload=False)


def test_activations_of_gemma_2b_are_those_counted_by_hand(mgm_2b):
    """Per token and layer: 2·(8·2048 + 4·2048 + 4·16384) bytes in bfloat16, 16·2048 in float32 of norms."""
    prepare(mgm_2b, "pretrain", "all")
    more = peak_bytes(mgm_2b, 1, 2048, 20) - peak_bytes(mgm_2b, 1, 1024, 20)
    assert more == pytest.approx(1024 * 18 * 212_992, rel=0.15)


def test_products_alone_take_less_than_half_of_all(mgm_2b):
    """Per token and layer: 2·(5·2048 + 2·256 + 2·16384) bytes, and at once all of one layer."""
    prepare(mgm_2b, "pretrain", "products")
    more = peak_bytes(mgm_2b, 1, 2048, 20) - peak_bytes(mgm_2b, 1, 1024, 20)
    assert more == pytest.approx(1024 * (17 * 88_064 + 212_992), rel=0.15)


def test_checkpointing_keeps_a_layers_input_alone(mgm_2b):
    prepare(mgm_2b, "finetune", "inputs")
    more = peak_bytes(mgm_2b, 4, 2048, 20) - peak_bytes(mgm_2b, 4, 1024, 20)
    kept, one_layer = 4 * 1024 * 18 * 2 * 2048, 4 * 1024 * 212_992
    assert more == pytest.approx(kept + one_layer, rel=0.3)


def test_memory_grows_with_the_samples_and_not_with_finished_gradients(mgm_2b):
    prepare(mgm_2b, "finetune", "all")
    one, two, four = (peak_bytes(mgm_2b, n, 1024, 100) for n in (1, 2, 4))
    assert four - two == pytest.approx(2 * (two - one), rel=0.05)
    prepare(mgm_2b, "finetune", "inputs")
    # All gradients together have 5.0 GB; those of the tied embeddings alone, two parts and their sum, 3.1 GB.
    assert peak_bytes(mgm_2b, 1, 620, 20) < 4_000_000_000


@pytest.mark.parametrize(("samples", "length", "labelled"), [(8, 600, 1), (1, 900, 200)])
def test_the_towers_run_once_and_the_peak_is_that_of_the_step_as_one_piece(mgm_2b, samples, length, labelled):
    """Of pretraining eight short samples hold most in the towers, of a long one the decoder does."""
    prepare(mgm_2b, "pretrain", "inputs")
    run_of_towers.cache_clear()
    found = [peak_bytes(mgm_2b, samples, length, labelled) for _ in range(2)]
    assert run_of_towers.cache_info().misses == 1
    whole = peak_of(mgm_2b, lambda: whole_step(mgm_2b, samples, length, labelled))
    assert found == [pytest.approx(whole, rel=1e-5)] * 2


def test_the_tracker_counts_what_lives():
    kept = torch.empty(100)
    with Live([kept]) as live:
        a = torch.ones(1000)
        b = a.view(10, 100) + kept  # the view is no second storage
        del a
        torch.ones(500)
        c = kept.mul_(2)
    assert (live.now, live.peak) == (4000, 8000) and len(b) == 10 and c is kept


def test_batches_multiply_out():
    assert list(batches(256, 4)) == [16, 8, 4, 2, 1]
    assert list(batches(96, 3)) == [16, 8, 4, 2, 1] and list(batches(6, 2)) == [3, 1]
    assert list(batches(128, 3)) == []


def test_a_step_needs_states_activations_and_room_for_cuda(mgm_2b):
    prepare(mgm_2b, "finetune", "inputs")
    offloaded = step_memory(mgm_2b, 1, Longest(1024, 100), 1, offload=True)
    alone = step_memory(mgm_2b, 1, Longest(1024, 100), 1, offload=False)
    assert 8e9 < offloaded.gpu < 12e9 and offloaded.host > 60e9
    assert alone.gpu - offloaded.gpu > 16 * 2.5e9 > alone.host
