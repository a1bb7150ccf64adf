"""What makes a generated caption unusable, and sampling that depends on the record alone."""

import hashlib
import re

from PIL import Image, ImageDraw

import records

WORD = re.compile(r"\w+")
TOKEN_REPEATS = re.compile(r"(\S{2,10}?)\1{4}", re.IGNORECASE)  # "ilkilkilkilkilk"
# What web pages say around pictures instead of what is on them, and captioners learned to say.
BOILERPLATE = re.compile(
    r"\b(stock (photo|image|vector|illustration|footage)|royalty[- ]free|image may contain|click (here|to)|"
    r"(shutter|i)stock|getty ?images|alamy|dreamstime|depositphotos|buy now|free (shipping|download)|"
    r"all rights reserved|no (image|caption|photo) available|image not found|screenshot of a page)",
    re.IGNORECASE,
)


def repeats(caption: str) -> bool:
    """Whether one to four words stand three times in a row, or a few letters five times.

    >>> repeats("a man in a man in a man in"), repeats("red sign, blue sign, red cube, blue cube")
    (True, False)
    """
    words = WORD.findall(caption.lower())
    for size in range(1, 5):
        run = 0  # words that equal the one ``size`` before: 2 · size of them in a row are two more copies
        for word, before in zip(words[size:], words, strict=False):
            run = run + 1 if word == before else 0
            if run == 2 * size:
                return True
    return any(TOKEN_REPEATS.search(token) for token in caption.split() if len(token) >= 10)


def caption_fault(caption: str, prompt: str = "", max_words: int = 40, ended: bool = True) -> str | None:
    """Why ``caption`` is unusable, in one or two words; None if nothing speaks against it.

    :param max_words: more are "too long".
    :param ended: False: the model was stopped in the middle, which is "too long" as well.

    >>> caption_fault("a red cube and a red cube and a red cube")
    'repeats'
    """
    if not WORD.search(caption):
        return "empty"
    if prompt.strip() and caption.lower().startswith(prompt.strip().lower()):
        return "echoes the prompt"
    if repeats(caption):
        return "repeats"
    if "\ufffd" in caption:
        return "broken characters"
    if any(token in caption for token in (records.IMAGE_TOKEN, records.LLAVA_IMAGE_TOKEN, records.EOC_TOKEN)):
        return "special token"
    if BOILERPLATE.search(caption):
        return "boilerplate"
    if not ended or len(caption.split()) > max_words:
        return "too long"
    return None


def built_in_picture() -> Image.Image:
    """Two coloured shapes on grey, 96 × 96 px: a picture that any captioner has something to say about."""
    picture = Image.new("RGB", (96, 96), (190, 190, 190))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((10, 26, 30, 46), fill=(214, 40, 40))
    draw.rectangle((62, 74, 80, 92), fill=(40, 80, 220))
    return picture


def seeded_sampling(names: list[str], temperature: float, top_p: float):
    """A logits processor after which the greedy choice is a sample, drawn per row from its name alone.

    The largest of logit + Gumbel noise is distributed as the softmax of the logits (Gumbel 1954), so that no
    row's words depend on the others in its batch, as they do with one common random source.

    :param names: one per row (R); equal names draw equal noise.
    """
    import torch
    from transformers import LogitsProcessor, TopPLogitsWarper

    seeds = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True) for name in names]
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    nucleus = TopPLogitsWarper(top_p)

    class SeededSampling(LogitsProcessor):
        def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
            scores = nucleus(input_ids, scores.float() / temperature)  # (R, V)
            noise = torch.stack([torch.rand(scores.shape[1], generator=source) for source in sources])
            return scores - torch.log(-torch.log(noise.clamp(1e-20, 1 - 1e-7))).to(scores.device)

    return SeededSampling()
