"""Reading a *soft prefix*: text after 16 positions that say what an image holds, for the Gemma stand-in.

Position p stands for CLIP patch p of a 4 × 4 grid: a weighted sum of the embeddings of the words for what is
there. A language model that reads these gives pretraining something to align the images' features to.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from world.lessons import PATCHES, TASKS, Lesson, lesson
from world.scene import COLOURS, SHAPES, WORDS

WIDEST = 5  # words at one position
IGNORE = -100


@dataclass
class Batch:
    """Token ids with 16 blanks for the prefix, labels, and the words of the prefix with their weights."""

    input_ids: torch.Tensor  # (B, L)
    labels: torch.Tensor  # (B, L), IGNORE where nothing is learned
    prefix_ids: torch.Tensor  # (B, 16, WIDEST)
    present: torch.Tensor  # (B, 16, WIDEST), 1 where a word is


class Encoder:
    """Turns lessons into batches, in Gemma's conversation format with the image at the front of its turn."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.head = self._ids("<bos><start_of_turn>user\n")
        self.image_at = len(self.head)
        names = {*COLOURS, *SHAPES, *WORDS, "sign", "top", "bottom", "left", "right"}
        self.word_ids = {name: tokenizer.convert_tokens_to_ids(f"▁{name}") for name in names}

    def _ids(self, text: str | list[str]) -> list:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def __call__(self, lessons: list[Lesson]) -> Batch:
        """Encode, padded on the right."""
        rows, marks = [], []
        prompts = self._ids([f"\n{each.question}<end_of_turn>\n<start_of_turn>model\n" for each in lessons])
        answers = self._ids([f"{each.answer}<end_of_turn>\n<eos>" for each in lessons])
        for prompt, answer in zip(prompts, answers, strict=True):
            rows.append([*self.head, *[0] * PATCHES, *prompt, *answer])
            marks.append([IGNORE] * (len(rows[-1]) - len(answer)) + answer)
        longest = max(map(len, rows))
        prefix = torch.zeros(len(lessons), PATCHES, WIDEST, dtype=torch.long)
        for b, each in enumerate(lessons):
            for p, words in enumerate(each.words):
                prefix[b, p, : len(words)] = torch.tensor([self.word_ids[word] for word in words])
        return Batch(
            torch.tensor([row + [0] * (longest - len(row)) for row in rows]),
            torch.tensor([mark + [IGNORE] * (longest - len(mark)) for mark in marks]),
            prefix,
            (prefix > 0).float(),
        )


def embed(
    model: nn.Module, encoder: Encoder, batch: Batch, noise: float, rng: torch.Generator
) -> torch.Tensor:
    """Embed a batch: (B, L, D), prefix included, scaled by √D as the model sees it.

    ``noise`` 0–1 spreads the weights, drops words, adds other words at low weight and Gaussian noise.
    """
    table = model.get_input_embeddings()
    weight = batch.present * (1 + noise * (2 * torch.rand(batch.present.shape, generator=rng) - 1) * 0.7)
    weight = weight * (torch.rand(weight.shape, generator=rng) >= 0.15 * noise)
    prefix = (table(batch.prefix_ids) * weight[..., None]).sum(2)  # (B, 16, D)
    if noise:
        b, p, _ = batch.prefix_ids.shape
        pool = torch.tensor(sorted(encoder.word_ids.values()))
        other = pool[torch.randint(len(pool), (b, p, 3), generator=rng)]
        blur = 0.5 * noise * torch.rand(b, p, 3, 1, generator=rng) ** 2
        prefix = prefix + (table(other) * blur).sum(2)
        scale = table.weight.detach().std() * table.weight.shape[1] ** 0.5
        prefix = prefix + 0.6 * noise * scale * torch.randn(prefix.shape, generator=rng)
    embeds = table(batch.input_ids)
    start = encoder.image_at
    return torch.cat([embeds[:, :start], prefix, embeds[:, start + PATCHES :]], dim=1)


def lesson_loss(model: nn.Module, embeds: torch.Tensor, labels: torch.Tensor, even: bool) -> torch.Tensor:
    """Cross entropy over all tokens; ``even``: each lesson counts the same, however short its answer."""
    logits, target = labelled_logits(model, embeds, labels)
    learned = labels[:, 1:] != IGNORE
    weight = learned / (learned.sum(1, keepdim=True) * len(labels) if even else learned.sum())
    return (cross_entropy(logits, target, reduction="none") * weight[learned]).sum()


def labelled_logits(
    model: nn.Module, embeds: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, V) and targets (N,) at the N labelled positions."""
    hidden = model.model(inputs_embeds=embeds).last_hidden_state[:, :-1]
    target = labels[:, 1:]
    at = target != IGNORE
    return model.lm_head(hidden[at]), target[at]


@torch.no_grad()
def accuracy(model: nn.Module, encoder: Encoder, stream: str, count: int) -> dict[str, float]:
    """Share of lessons per task whose every answer token is right (given the right ones before it).

    Without facts, whose order is random.
    """
    rng = torch.Generator().manual_seed(0)
    out = {}
    for task in (task for task in TASKS if task != "facts"):
        only = tuple(float(task == each) for each in TASKS)
        batch = encoder([lesson(stream, index, (2, 3), only) for index in range(count)])
        logits, target = labelled_logits(model, embed(model, encoder, batch, 0.0, rng), batch.labels)
        row = (batch.labels[:, 1:] != IGNORE).nonzero()[:, 0]
        wrong = torch.zeros(count).index_add_(0, row, (logits.argmax(-1) != target).float())
        out[task] = (wrong == 0).float().mean().item()
    return out
