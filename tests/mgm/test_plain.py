"""The rewritten model against its plain form: the loss and every gradient, in float64, and training itself.

All sizes of the tiny models are distinct (see conftest.py), so that a swapped axis cannot pass.
"""

import copy

import pytest
import torch
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm

from mgm import loss as loss_module
from mgm.activations import KEPT, keep
from mgm.collator import Collator
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.data import GHOST, ConversationDataset
from mgm.last_layer import labelled_columns
from mgm.model import MGMGemmaForCausalLM
from mgm.plain import PlainMGM
from mgm.training.trainable import set_trainable

STAGES = {"pretrain": True, "finetune": False}


@pytest.fixture(autouse=True)
def norms_in_double(monkeypatch):
    """Gemma's norms are rounded to float32 in whatever precision; here both forms keep theirs."""
    monkeypatch.setattr(GemmaRMSNorm, "forward", lambda self, x: self._norm(x) * (1 + self.weight))


@pytest.fixture
def dataset(tiny_loaded, tiny_data):
    return ConversationDataset(
        tiny_data / "data.json", tiny_data, tiny_loaded.tokenizer, tiny_loaded.image_processor
    )


def both_forms(tiny_loaded, dtype: torch.dtype, seed: int = 0) -> tuple[MGMGemmaForCausalLM, PlainMGM]:
    """Copies of the tiny model, every parameter away from where mistakes hide (0, 1)."""
    ours = copy.deepcopy(tiny_loaded.model).to(dtype)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if parameter.ndim == 1 and "tower" not in name:
                parameter += 0.3 * torch.randn_like(parameter)
    plain = PlainMGM(tiny_loaded.model.config).to(dtype)
    plain.load_state_dict(ours.state_dict())
    return ours.train(), plain.train()


def results(model: MGMGemmaForCausalLM, stage: str, batch: dict) -> dict[str, torch.Tensor]:
    """The loss and the gradient of each trained parameter."""
    set_trainable(model, STAGES[stage])
    model.zero_grad()
    loss = model(**batch, num_items_in_batch=3).loss
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert all(gradient is not None for gradient in gradients.values())
    return {"loss": loss.detach()} | gradients


def in_double(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value.double() if value.is_floating_point() else value for key, value in batch.items()}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kept", KEPT)
def test_loss_and_every_gradient_are_those_of_the_plain_form(tiny_loaded, dataset, stage, kept, monkeypatch):
    monkeypatch.setattr(loss_module, "LOGITS_AT_ONCE", 7 * tiny_loaded.model.vocab_size)  # 7 labels at a time
    ours, plain = both_forms(tiny_loaded, torch.float64)
    keep(ours, kept)
    batch = in_double(Collator(0)([dataset[i] for i in (0, 4, 7, 2, 1)]))  # 4 is text only
    found, wanted = results(ours, stage, batch), results(plain, stage, batch)
    assert found.keys() == wanted.keys() and len(found) >= 17
    for name, value in wanted.items():
        assert (found[name] - value).abs().max() <= 1e-10, name
        # The biases of the mining's keys cancel in the softmax; every other gradient says something.
        assert value.abs().max() > 1e-6 or (
            name.startswith("model.vlm_uni_aux_projector.") and name.endswith("bias")
        )


def test_a_rewrite_that_forgets_a_label_or_a_position_would_be_seen(tiny_loaded, dataset):
    ours, plain = both_forms(tiny_loaded, torch.float64)
    batch = in_double(Collator(0)([dataset[i] for i in (0, 1)]))
    wanted = results(plain, "finetune", batch)["loss"]
    batch["labels"][0, batch["labels"][0].argmax()] = IGNORE_INDEX
    assert (results(ours, "finetune", batch)["loss"] - wanted).abs() > 1e-6


SHORT = {"input_ids": [2, IMAGE_TOKEN_INDEX, 9, 300, 301], "labels": [-100, -100, -100, 300, 301]}


def made(dataset, rows: list[dict]) -> dict[str, torch.Tensor]:
    """A batch of hand-written ids and labels with noise as pictures."""
    torch.manual_seed(3)
    pictures = [{key: torch.randn_like(x) for key, x in dataset[0].items() if "image" in key} for _ in rows]
    tensors = [{key: torch.tensor(ids) for key, ids in row.items()} for row in rows]
    return Collator(0)([row | picture for row, picture in zip(tensors, pictures, strict=True)])


def no_label(dataset) -> dict:
    return made(dataset, [SHORT | {"labels": [-100] * 5}, SHORT | {"labels": [-100] * 5}])


def one_row_without_label(dataset) -> dict:
    return made(dataset, [SHORT | {"labels": [-100] * 5}, SHORT])


def every_token_labelled(dataset) -> dict:
    ids = [2, 9, 300, 301, 302, 40]
    return made(dataset, [{"input_ids": ids, "labels": ids}, SHORT])


def label_on_the_first_token(dataset) -> dict:
    """Which nothing precedes, so that it counts nothing."""
    return made(dataset, [{"input_ids": [9, 300], "labels": [9, -100]}, SHORT])


def text_alone(dataset) -> dict:
    return Collator(0)([dataset[4], dataset[9]])


def one_sample(dataset) -> dict:
    return Collator(0)([dataset[2]])


def ghosts_alone(dataset) -> dict:
    return Collator(0)([dataset[GHOST], dataset[GHOST]])


def image_of_one_pixel(dataset) -> dict:
    from PIL import Image

    image, image_aux = dataset.processor(Image.new("RGB", (1, 1), (200, 30, 60)))
    return Collator(0)([dataset[0], dataset[1] | {"image": image, "image_aux": image_aux}])


def as_long_as_positions_go(dataset) -> dict:
    """512 positions, 16 of them the picture's, all but these labelled."""
    ids = [2, IMAGE_TOKEN_INDEX, *(7 + n % 300 for n in range(495))]
    row = {"input_ids": ids, "labels": [-100, -100, *ids[2:]]}
    assert len(ids) - 1 + 16 == 512
    return made(dataset, [row, SHORT])


CASES = [
    no_label,
    one_row_without_label,
    every_token_labelled,
    label_on_the_first_token,
    text_alone,
    one_sample,
    ghosts_alone,
    image_of_one_pixel,
    as_long_as_positions_go,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_odd_batches_give_what_the_plain_form_gives(tiny_loaded, dataset, case):
    ours, plain = both_forms(tiny_loaded, torch.float64)
    batch = in_double(case(dataset))
    found, wanted = results(ours, "finetune", batch), results(plain, "finetune", batch)
    for name, value in wanted.items():
        assert (found[name] - value).abs().max() <= 1e-10, name
    labelled = bool((batch["labels"][:, 1:] != IGNORE_INDEX).any())
    assert bool(wanted["loss"] > 0) is labelled


@pytest.mark.parametrize("stage", STAGES)
def test_fifty_steps_of_training_give_the_losses_of_the_plain_form(tiny_loaded, dataset, stage):
    losses = []
    for model in both_forms(tiny_loaded, torch.float32):
        set_trainable(model, STAGES[stage])
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer, seen = torch.optim.AdamW(trained, lr=1e-3), []
        samples = [dataset[i] for i in range(len(dataset))]
        for step in range(50):
            loss = model(**Collator(0)([samples[(4 * step + i) % len(samples)] for i in range(4)])).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            seen.append(loss.item())
        losses.append(seen)
    assert losses[0] == pytest.approx(losses[1], rel=2e-4)
    assert losses[0][-1] < losses[0][0] - 0.2


def test_in_bfloat16_the_rewrites_are_no_further_from_the_truth_than_the_plain_form(tiny_loaded, dataset):
    ours, plain = both_forms(tiny_loaded, torch.float32)
    for model in (ours, plain):
        model.load_state_dict({name: x.bfloat16().float() for name, x in model.state_dict().items()})
    batch = Collator(0)([dataset[i] for i in (0, 4, 7)])
    truth = {name: x.clone() for name, x in results(plain, "finetune", batch).items() if x.norm() > 1e-4}

    def furthest(model: MGMGemmaForCausalLM) -> float:
        found = results(model.bfloat16(), "finetune", batch)
        return max(float((found[name] - x).norm() / x.norm()) for name, x in truth.items())

    assert furthest(ours) <= furthest(plain)


def test_the_newest_tokens_logits_are_those_of_the_whole_form(tiny_loaded, dataset):
    """Answering reads one column a row; with padding on the right and with a cache before it."""
    from transformers import DynamicCache

    model = copy.deepcopy(tiny_loaded.model).double()
    torch.manual_seed(4)
    embeds = torch.randn(2, 9, model.config.hidden_size, dtype=torch.float64)
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
    with torch.no_grad():
        whole = model(inputs_embeds=embeds, attention_mask=mask).logits
        last = model(inputs_embeds=embeds, attention_mask=mask, last_only=torch.tensor([8, 5])).logits
        torch.testing.assert_close(last[:, 0], whole[[0, 1], [8, 5]], rtol=0, atol=1e-12)
        for padding in (None, mask[:1]):  # without a mask attention is causal of itself
            cache = DynamicCache(config=model.config)
            for part, at in ((embeds[:1, :4], 2), (embeds[:1, 4:], 4)):
                seen = None if padding is None else padding[:, : 4 if at == 2 else 9]
                last = model(
                    inputs_embeds=part,
                    attention_mask=seen,
                    past_key_values=cache,
                    use_cache=True,
                    last_only=torch.tensor([at]),
                ).logits
            torch.testing.assert_close(last[:, 0], whole[:1, 8], rtol=0, atol=1e-12)


def test_labelled_columns_are_the_positions_before_labels():
    labels = torch.tensor([[5, -100, 6, 7, -100], [-100, -100, -100, -100, -100], [1, 2, -100, -100, 3]])
    target, wanted, is_label = labelled_columns(labels)
    assert target.tolist() == [6, 7, 2, 3]
    assert wanted[is_label].tolist() == [1, 2, 0, 3] and wanted.shape == (3, 2)
    assert is_label.tolist() == [[True, True], [False, False], [True, True]]
    assert wanted[1].tolist() == [4, 4]


def test_the_logits_of_a_chunk_are_the_most_that_ever_exists(tiny_loaded, monkeypatch):
    """Of 40 labels 7 at a time: no tensor has more rows of the vocabulary's width."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_iter

    vocabulary, largest = 331, []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            largest.extend(x.numel() for x in tree_iter(out) if isinstance(x, torch.Tensor))
            return out

    monkeypatch.setattr(loss_module, "LOGITS_AT_ONCE", 7 * vocabulary + 5)
    hidden, weight = torch.randn(40, 6, requires_grad=True), torch.randn(vocabulary, 6, requires_grad=True)
    target = torch.arange(40)
    with Watch():
        loss_module.mean_loss(hidden, weight, target).backward()
    assert max(largest) == 7 * vocabulary
    largest.clear()
    with Watch():
        loss_module.mean_loss_plain(hidden, weight, target).backward()
    assert max(largest) == 40 * vocabulary


def test_the_loss_is_the_same_without_gradients_and_in_bfloat16():
    torch.manual_seed(5)
    hidden, weight, target = torch.randn(9, 6, requires_grad=True), torch.randn(31, 6), torch.arange(9)
    with torch.no_grad():
        alone = loss_module.mean_loss(hidden, weight, target)
    assert alone == loss_module.mean_loss(hidden, weight, target).detach()
    half = loss_module.mean_loss(hidden.bfloat16(), weight.bfloat16(), target)
    plain = loss_module.mean_loss_plain(hidden.bfloat16(), weight.bfloat16(), target)
    assert half.dtype == torch.float32 and half.item() == pytest.approx(plain.item(), rel=1e-5)
