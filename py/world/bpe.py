"""Tokenizers for the stand-ins: the world's words are one token each, the rest falls back to bytes.

The merges of the byte-pair ones are learned from the world's words by the usual rule (the most frequent pair
first), until each word is one token: small tokenizers with the files and the classes of the official ones,
but for BERT's, whose class knows no bytes.
"""

import re
import string
from collections import Counter
from itertools import pairwise

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

from world.texts import world_texts

GEMMA_SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
BERT_POSITIONS = 128
BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def learn_merges(words: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Merge the most frequent adjacent pair (ties: the first in order) until each word is one symbol."""
    words, merges = sorted(set(words)), []
    while pairs := Counter(pair for word in words for pair in pairwise(word)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [_merge(word, best) for word in words]
    return merges


def _merge(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def _vocabulary(symbols: list[str], merges: list[tuple[str, str]]) -> dict[str, int]:
    symbols = list(dict.fromkeys([*symbols, *("".join(pair) for pair in merges)]))
    return {symbol: i for i, symbol in enumerate(symbols)}


def gemma_tokenizer() -> PreTrainedTokenizerFast:
    """Gemma's kind: a space is ``▁`` in front of its word, an unknown character becomes ``<0x..>`` bytes."""
    words = {match for text in world_texts() for match in re.findall(r" ?[A-Za-z]+", text)}
    merges = learn_merges([tuple(word.replace(" ", "▁")) for word in words])
    plain = [*GEMMA_SPECIALS, *(f"<0x{b:02X}>" for b in range(256)), "▁", "\n", *string.printable[:94]]
    vocabulary = _vocabulary(plain, merges)
    core = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    core.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    core.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", 2)]
    )
    core.add_special_tokens(list(GEMMA_SPECIALS))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        additional_special_tokens=["<start_of_turn>", "<end_of_turn>"],
    )


def _bytes_of(word: str) -> tuple[str, ...]:
    return tuple(ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(word)[0][0])


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's kind: lower case, byte level, ``</w>`` at the end of a word."""
    words = {match for text in world_texts() for match in re.findall(r"[a-z]+|[^\sa-z]", text.lower())}
    merges = learn_merges([(*word[:-1], f"{word[-1]}</w>") for word in map(_bytes_of, words)])
    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = _vocabulary([*alphabet, *(f"{byte}</w>" for byte in alphabet)], merges)
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=64)


def opt_tokenizer() -> GPT2Tokenizer:
    """OPT's kind: byte level with the space at the front of a word; ``<s> <pad> </s> <unk>`` come first."""
    words = {match for text in world_texts() for match in re.findall(r" ?[A-Za-z]+", text)}
    merges = learn_merges([_bytes_of(word) for word in words])
    vocabulary = _vocabulary(["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())], merges)
    return GPT2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token="</s>",
        eos_token="</s>",
        unk_token="</s>",
        pad_token="<pad>",
        model_max_length=128,
    )


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """BERT's kind: lower case, no accents, ``##`` within a word, ``[CLS] … [SEP]``; its letters are bytes."""
    words = {match for text in world_texts() for match in re.findall(r"[a-z]+", text.lower())}
    alphabet = sorted(ByteLevel.alphabet())
    symbols = [*BERT_SPECIALS, *alphabet, *(f"##{byte}" for byte in alphabet), *sorted(words)]
    core = Tokenizer(
        models.WordPiece(_vocabulary(symbols, []), unk_token="[UNK]", max_input_chars_per_word=10**6)
    )
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    core.decoder = decoders.WordPiece(prefix="##")
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", BERT_SPECIALS.index("[CLS]")), ("[SEP]", BERT_SPECIALS.index("[SEP]"))],
    )
    core.add_special_tokens(list(BERT_SPECIALS))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=BERT_POSITIONS,
    )
