"""Captions as the tokens that a text encoder takes."""

from typing import Any


def encode(tokenizer: Any, captions: list[str], context: int) -> list[tuple[list[int], bool]]:
    """The tokens of each caption, ``context`` at most, the last one kept, and whether it had to be cut.

    Of a caption only what can fill the context is looked at, 32 letters a token: some tokenizers take minutes
    for 100,000 letters without a space.
    """
    longest = 32 * context
    whole = tokenizer([caption[:longest] for caption in captions], verbose=False).input_ids
    return [
        (tokens[: context - 1] + tokens[-1:], True)
        if len(tokens) > context
        else (tokens, len(caption) > longest)
        for tokens, caption in zip(whole, captions, strict=True)
    ]


def padded_length(tokens: list[int], context: int) -> int:
    """The next multiple of 16, so that texts of like length go into one forward; ``context`` at most."""
    return min(-(-len(tokens) // 16) * 16, context)
