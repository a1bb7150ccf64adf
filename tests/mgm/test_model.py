"""What is computed, and what is not."""

import pytest
import torch

from errors import BadInput
from mgm.assemble import PROJECTORS
from mgm.collator import Collator
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.data import ConversationDataset
from mgm.training.trainable import set_trainable


@pytest.fixture
def batch(tiny_loaded, tiny_data):
    dataset = ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )
    return Collator(0)([dataset[i] for i in (0, 4, 7)])  # 4 is text only


def test_the_loss_from_labelled_logits_is_that_of_all_logits(tiny_loaded, batch):
    model = tiny_loaded.model
    with torch.no_grad():
        spliced = model.embed(
            batch["input_ids"], batch["attention_mask"], batch["images"], batch["images_aux"], batch["labels"]
        )
        hidden = model.model(
            inputs_embeds=spliced.embeds, attention_mask=spliced.mask, position_ids=spliced.positions
        ).last_hidden_state
        logits = model.lm_head(hidden)[:, :-1].flatten(0, 1)
        wanted = torch.nn.functional.cross_entropy(
            logits, spliced.labels[:, 1:].flatten(), ignore_index=IGNORE_INDEX
        )
        assert model(**batch).loss.item() == pytest.approx(wanted.item(), rel=1e-6)
        assert model(**batch, num_items_in_batch=2).loss.item() == pytest.approx(wanted.item() / 2, rel=1e-6)
        batch["labels"][:] = IGNORE_INDEX
        assert model(**batch, num_items_in_batch=2).loss.item() == 0


def test_the_loss_is_the_mean_of_its_micro_batches_means(tiny_loaded, tiny_data):
    """As in the official run, where a sample of one word weighs as much as one of a hundred."""
    dataset = ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )
    samples = [Collator(0)([dataset[i]]) for i in (0, 1)]
    labelled = [int((sample["labels"] != IGNORE_INDEX).sum()) for sample in samples]
    assert labelled[0] != labelled[1]
    with torch.no_grad():
        alone = [tiny_loaded.model(**sample).loss.item() for sample in samples]
        together = sum(tiny_loaded.model(**sample, num_items_in_batch=2).loss.item() for sample in samples)
    assert together == pytest.approx(sum(alone) / 2, rel=1e-6)


def test_checkpointed_activations_give_the_same_gradients(tiny_loaded, batch):
    model = tiny_loaded.model
    set_trainable(model, tune_mm_mlp_adapter=True)
    gradients, calls = [], []
    hook = model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: calls.append(len(gradients)))
    for checkpointed in (False, True):
        if checkpointed:
            model.activation_checkpointing_enable()
        model.train()
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    model.activation_checkpointing_disable()
    model.eval()
    model.zero_grad()
    hook.remove()
    assert calls == [0, 1, 1], "the second way computes its layers twice"
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.equal(gradient, gradients[1][name]) for name, gradient in gradients[0].items())


def test_sizes_that_do_not_divide_are_refused_before_anything_is_computed(tiny_loaded):
    with pytest.raises(BadInput, match="image_size_aux 100 is no multiple of 16"):
        tiny_loaded.model.model.check_geometry(100)


def test_the_image_of_a_text_only_row_changes_nothing(tiny_loaded, batch):
    with torch.no_grad():
        plain = tiny_loaded.model(**batch).loss
        batch["images"][1], batch["images_aux"][1] = 9.0, -9.0
        assert tiny_loaded.model(**batch).loss == plain


def test_a_batch_of_text_gives_the_projectors_gradients_of_zero(tiny_loaded, batch):
    model = tiny_loaded.model
    set_trainable(model, tune_mm_mlp_adapter=False)
    model.zero_grad()
    text = {key: value[1:2] for key, value in batch.items()}
    assert not (text["input_ids"] == IMAGE_TOKEN_INDEX).any()
    model(**text).loss.backward()
    for part in PROJECTORS:
        for name, parameter in getattr(model.model, part).named_parameters():
            assert parameter.grad is not None and not parameter.grad.any(), f"{part}.{name}"
    model.zero_grad()


@pytest.mark.parametrize("pretraining", [True, False])
def test_each_stage_trains_its_parts_and_never_the_towers(tiny_loaded, batch, pretraining):
    model = tiny_loaded.model
    said = set_trainable(model, tune_mm_mlp_adapter=pretraining)
    model.zero_grad()
    model(**batch).loss.backward()
    trained = {name.split(".")[1] for name, p in model.named_parameters() if p.grad is not None}
    wanted = set(PROJECTORS) if pretraining else {*PROJECTORS, "embed_tokens", "layers", "norm"}
    assert trained == wanted
    assert ("llm" in said.split("frozen")[0]) is not pretraining
    model.zero_grad()


def test_layers_past_the_selected_one_are_not_computed(tiny_loaded, batch):
    tower = tiny_loaded.model.model.vision_tower
    last = tower.vision_tower.vision_model.encoder.layers[-1]
    kept = {name: tensor.clone() for name, tensor in last.state_dict().items()}
    before = tower(batch["images"])
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.fill_(float("nan"))
    after = tower(batch["images"])
    last.load_state_dict(kept)
    assert torch.equal(before, after)


def test_frozen_towers_are_the_same_while_training(tiny_loaded, batch):
    model = tiny_loaded.model
    before = model.tower_features(batch["images"], batch["images_aux"])
    model.train()
    after = model.tower_features(batch["images"], batch["images_aux"])
    model.eval()
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))
    assert not any(x.requires_grad for x in after)
