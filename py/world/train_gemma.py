"""Trains the Gemma stand-in to read soft prefixes: captions, TextVQA-like and MMBench-like questions.

Look-up in a prefix is a plateau, then a jump: lessons with one sign and one thing come first, then one or
two, then the world's two or three, then above all choices; noise on the prefix grows with them.
"""

import torch

from world.bpe import gemma_tokenizer
from world.lessons import lesson
from world.soft_prefix import Encoder, accuracy, embed, lesson_loss
from world.standins import build_gemma
from world.training import optimise

SETTINGS = {"steps": 2000, "batch": 32, "learning_rate": 2e-3, "random_seed": 2}
# From this share of the steps on: how many signs and things; noise; the shares of `TASKS`; whether a short
# answer weighs as much as a long caption.
LESSONS = (
    (0.0, (1,), 0.0, (0.25, 0.15, 0.3, 0.3), False),
    (0.08, (1, 2), 0.1, (0.25, 0.15, 0.3, 0.3), False),
    (0.2, (2, 3), 0.2, (0.25, 0.15, 0.3, 0.3), False),
    (0.4, (2, 3), 0.4, (0.15, 0.15, 0.2, 0.5), True),
)


def train(settings: dict) -> tuple[torch.nn.Module, dict]:
    """Train from scratch; returns the model and what it reached on fresh scenes."""
    torch.manual_seed(settings["random_seed"])
    model, encoder = build_gemma(), Encoder(gemma_tokenizer())
    rng = torch.Generator().manual_seed(settings["random_seed"])
    steps, size = settings["steps"], settings["batch"]

    def loss_of(step: int) -> torch.Tensor:
        _, counts, noise, shares, even = [each for each in LESSONS if step >= each[0] * steps][-1]
        batch = encoder([lesson("standin/gemma", step * size + i, counts, shares) for i in range(size)])
        return lesson_loss(model, embed(model, encoder, batch, noise, rng), batch.labels, even)

    def report() -> str:
        found = accuracy(model, encoder, "standin/gemma/check", 100)
        return " ".join(f"{task} {share:.2f}" for task, share in found.items())

    seconds = optimise(model.parameters(), settings, loss_of, report, "gemma")
    model.eval()
    found = accuracy(model, encoder, "standin/gemma/quality", 400)
    quality = {f"{task} right": round(share, 3) for task, share in found.items()}
    return model, {"settings": settings, "seconds": seconds, "quality": quality}
