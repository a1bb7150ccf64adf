"""Operations: the parts' sum against PyTorch's counter on whole steps, and against what was published."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from costs import published
from costs.flops import answering_flop, training_flop
from costs.sample import Sample
from costs.shapes import LLM, VISION_TOWER, VISION_TOWER_AUX, mgm_config, on_meta
from costs.step import prepare
from mgm.checkpoint import load_base, read_config, resolve_towers
from mgm.plain import PlainMGM
from official_flop import official_flop
from whole_step import whole_step


def counted(model, samples: int, length: int, labelled: int) -> int:
    with FlopCounterMode(display=False) as counter:
        whole_step(model, samples, length, labelled)
    return counter.get_total_flops()


def test_the_shapes_are_those_of_mgm_2b(mgm_2b):
    towers = mgm_2b.model.vision_tower, mgm_2b.model.vision_tower_aux
    clip, convnext = (sum(p.numel() for p in tower.parameters()) for tower in towers)
    projectors = sum(p.numel() for name, p in mgm_2b.named_parameters() if "projector" in name)
    whole = sum(p.numel() for p in mgm_2b.parameters())
    assert (clip, convnext) == (303_507_456, 196_230_336 - 2 * 1536)  # the head's norm is not used
    assert whole - clip - convnext - projectors == 2_506_172_416  # Gemma 2B, embeddings tied
    assert mgm_2b.model.vision_tower.grid == 24 and mgm_2b.model.vision_tower_aux.hidden_size == 2880


@pytest.mark.parametrize(("stage", "kept"), [("pretrain", "all"), ("finetune", "inputs")])
def test_a_sample_costs_what_pytorch_counts_for_a_whole_step(mgm_2b, stage, kept):
    flop = training_flop(mgm_2b, stage, kept)
    for samples, length, labelled in ((1, 620, 20), (2, 1999, 700)):
        expected = counted(mgm_2b, samples, length, labelled)
        assert samples * flop.of(Sample(length, labelled)) == pytest.approx(expected, rel=0.002)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_step_on_the_meta_device_costs_what_a_real_one_does(standin, stage):
    """The real model, with words, images and labels in place, on the processor."""
    towers = {"mm_vision_tower": standin(VISION_TOWER), "mm_vision_tower_aux": standin(VISION_TOWER_AUX)}
    config = read_config(standin(LLM), image_size_aux=96, **towers)
    resolve_towers(config, ".")
    config._attn_implementation = "eager"  # its products are counted; the processor's fused kernel is not
    model = load_base(config, standin(LLM), None, torch.float32, seed=1)
    prepare(model, stage, "all")
    patches = model.model.vision_tower.grid**2
    ids = torch.full((2, 30), 7)
    ids[:, 3] = -200
    labels = torch.where(torch.arange(30) < 19, -100, ids)
    images, images_aux = torch.zeros(2, 3, 48, 48), torch.zeros(2, 3, 96, 96)
    with FlopCounterMode(display=False) as counter:
        out = model(ids, torch.ones_like(ids), labels, images=images, images_aux=images_aux)
        out.loss.backward()
    sample = Sample(29 + patches, 11)
    expected = 2 * training_flop(on_meta(config, torch.float32), stage, "all").of(sample)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_the_official_form_costs_what_pytorch_counts_for_a_whole_step_of_it(mgm_2b, stage):
    plain = on_meta(mgm_2b.config, kind=PlainMGM)
    prepare(plain, stage, "inputs")
    expected = counted(plain, 1, 700, 100)
    assert official_flop(mgm_2b, stage).of(Sample(700, 100)) == pytest.approx(expected, rel=0.002)


def test_a_pretraining_sample_costs_what_was_counted_by_hand(mgm_2b):
    """Towers 1,190, projectors and mining 47, 17 of 18 layers of 5,085, labelled logits 42."""
    sample = Sample(620, 20)
    assert official_flop(mgm_2b, "pretrain").of(sample) / 1e9 == pytest.approx(10_670, rel=0.01)
    ours = training_flop(mgm_2b, "pretrain", "products").of(sample) / 1e9
    assert ours == pytest.approx(1190 + 47 + 5085 * 17 / 18 + 42, rel=0.01)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_the_published_runs_imply_the_efficiency_that_is_used(mgm_2b, stage):
    run = published.PRETRAIN if stage == "pretrain" else published.FINETUNE
    flop = official_flop(mgm_2b, stage).of(run.sample)
    assert run.implied(flop) == pytest.approx(run.efficiency, abs=0.001)


def test_a_sample_without_an_image_costs_no_tower(mgm_2b):
    flop = training_flop(mgm_2b, "pretrain", "all")
    assert flop.of(Sample(100, 9)) - flop.of(Sample(100, 9, has_image=False)) == flop.image > 1e12
    assert flop.total([Sample(100, 9)] * 3) == pytest.approx(3 * flop.of(Sample(100, 9)))


def test_an_answer_costs_a_forward_pass(mgm_2b):
    """2 operations a weight and position: reading in 17 layers and keys of the last, writing in 18."""
    layer, keys_and_values = 1_981_884_416 / 18, 2 * 2048 * 256
    decoder = 2 * ((17 * layer + keys_and_values) * 720 + 18 * layer * 11)
    flop = answering_flop(mgm_2b, 720, 10)
    assert decoder < flop - 1.2e12 < 1.05 * decoder


def test_fetched_folders_count_instead_of_the_official_shapes(standin, tmp_path):
    folder = standin(LLM)
    (tmp_path / LLM).symlink_to(folder)
    assert mgm_config(tmp_path, 96 * 7).hidden_size == read_config(folder).hidden_size != 2048
