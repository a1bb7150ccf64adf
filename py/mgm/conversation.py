"""The ``gemma`` conversation: text of a dialogue to ``input_ids`` and ``labels``.

Same result as the official ``preprocess_gemma`` with ``preprocess_multimodal``; what the official code masks
whole with one printed "tokenization mismatch" is an error here.
"""

from typing import TYPE_CHECKING

from errors import BadInput
from json_files import HALF
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from records import LLAVA_IMAGE_TOKEN

if TYPE_CHECKING:  # takes seconds, and who only reads records does not need it
    from transformers import PreTrainedTokenizerFast

USER = "<start_of_turn>user\n"
MODEL = "<start_of_turn>model\n"
END = "<end_of_turn>\n"
EOS = "<eos>"


def place_image(value: str) -> str:
    """Move the image placeholder to the front of its turn.

    >>> place_image("What is shown?\\n<image>")
    '<image>\\nWhat is shown?'
    """
    if LLAVA_IMAGE_TOKEN not in value:
        return value
    text = value.replace(LLAVA_IMAGE_TOKEN, "").strip()
    return f"{LLAVA_IMAGE_TOKEN}\n{text}".strip()


def prompt(question: str, has_image: bool) -> str:
    """The text of a first turn up to where the model answers; ``question`` is without the placeholder."""
    return f"{USER}{place_image(LLAVA_IMAGE_TOKEN + question) if has_image else question}{END}{MODEL}"


def rounds(conversations: list[dict], has_image: bool) -> list[tuple[str, str]]:
    """Check a LLaVA ``conversations`` list and return its (question, answer) pairs.

    Raises `BadInput` (without the id, which the caller knows) for anything but alternating human and gpt
    turns, an empty answer, half a character, or a number of image placeholders other than one with an image
    and none without.
    """
    if not isinstance(conversations, list) or not all(
        isinstance(turn, dict) and isinstance(turn.get("value"), str) for turn in conversations
    ):
        raise BadInput("conversations must be a list of {from, value}; correct the record")
    turns = conversations[1:] if conversations and conversations[0].get("from") != "human" else conversations
    speakers = [turn.get("from") for turn in turns]
    if not turns or speakers != ["human", "gpt"] * (len(turns) // 2):
        raise BadInput(f"turns must alternate human, gpt (found {speakers}); correct the record")
    pairs = [(a["value"], b["value"]) for a, b in zip(turns[::2], turns[1::2], strict=True)]
    slots = sum(question.count(LLAVA_IMAGE_TOKEN) for question, _ in pairs)
    if any(not answer.strip() for _, answer in pairs):
        raise BadInput("empty answer (caption); remove the record or give it a caption")
    if any(LLAVA_IMAGE_TOKEN in answer for _, answer in pairs):
        raise BadInput(f"an answer holds {LLAVA_IMAGE_TOKEN}; remove it from the text")
    if any(HALF.search(text) for pair in pairs for text in pair):
        raise BadInput("half a character (a lone surrogate) in the text; correct or remove the record")
    if slots != int(has_image):
        raise BadInput(
            f"{slots} image placeholders for {int(has_image)} images; "
            f"a record with an image needs exactly one {LLAVA_IMAGE_TOKEN}, one without an image none"
        )
    return [(place_image(question), answer) for question, answer in pairs]


def encode(
    conversations: list[dict], tokenizer: "PreTrainedTokenizerFast", has_image: bool
) -> tuple[list[int], list[int]]:
    """Encode a dialogue: (``input_ids``, ``labels``), both of length L.

    ``input_ids`` holds -200 at the image's slot. ``labels`` equals it from the first token after ``model\\n``
    to the ``<eos>`` of each round, and is -100 elsewhere.
    """
    text, spans = "", []
    for question, answer in rounds(conversations, has_image):
        text += f"{USER}{question}{END}{MODEL}"
        start = len(text)
        text += f"{answer}{END}{EOS}"
        spans.append((start, len(text)))
    return encode_text(text, spans, tokenizer, has_image)


def encode_text(
    text: str, spans: list[tuple[int, int]], tokenizer: "PreTrainedTokenizerFast", has_image: bool
) -> tuple[list[int], list[int]]:
    """Tokenise ``text`` around the image placeholder; label the tokens that begin inside a span of
    characters.
    """
    input_ids, labels, offset = [tokenizer.bos_token_id], [IGNORE_INDEX], 0
    chunks = text.split(LLAVA_IMAGE_TOKEN) if has_image else [text]
    for i, chunk in enumerate(chunks):
        if i:
            input_ids.append(IMAGE_TOKEN_INDEX)
            labels.append(IGNORE_INDEX)
            offset += len(LLAVA_IMAGE_TOKEN)
        # Not by transformers' own call, which takes as long again for what is not asked here.
        encoded = tokenizer.backend_tokenizer.encode(chunk, add_special_tokens=False)
        for token, (begin, end) in zip(encoded.ids, encoded.offsets, strict=True):
            inside = end > begin and any(a <= begin + offset < b for a, b in spans)
            input_ids.append(token)
            labels.append(token if inside else IGNORE_INDEX)
        offset += len(chunk)
    return input_ids, labels
