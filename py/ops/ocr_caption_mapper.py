import difflib
import json

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import records
from ocr import Word
from stock_phrases import strip_stock_phrases
from watermarks import fold, legible

OP_NAME = "ocr_caption_mapper"


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class OcrCaptionMapper(Mapper):
    """Grounds the caption in what `rapidocr_mapper` read: names words that it leaves out, and no watermark.

    What captioners write on watermarked images ("stock photo") is taken out; a caption of nothing else stays.
    Then words read with confidence that the caption lacks are added: `…, with the words "stop", "way"`. The
    meta field `ocr_grounded` says "words added", "cleaned", both, or "unchanged".
    """

    _batched_op = True

    def __init__(self, min_confidence: float = 0.8, most_words: int = 5, *args, **kwargs):
        """
        :param min_confidence: of a word that is named, 0 to 1.
        :param most_words: how many are named at most, the first in reading order.
        """
        super().__init__(*args, **kwargs)
        self.min_confidence = min_confidence
        self.most_words = most_words

    def grounded(self, caption: str, words: list[Word]) -> tuple[str, str]:
        """The new caption, and what was done."""
        done = []
        clean = strip_stock_phrases(caption) or caption
        if clean != caption:
            done.append("cleaned")
        said = [fold(word) for word in clean.split()]
        texts = legible(words, self.min_confidence, self.most_words)
        missing = [text.lower() for text in texts if not names(said, fold(text))]
        if missing:
            done.append("words added")
            listed = ", ".join(f'"{text}"' for text in missing)
            clean = f"{clean.rstrip(' .,;')}, with the word{'s' * (len(missing) > 1)} {listed}"
        return clean, ", ".join(done) or "unchanged"

    def process_batched(self, samples):
        for row, meta in enumerate(samples[Fields.meta]):
            words = [Word(**word) for word in json.loads(meta["ocr_words"])]
            caption, meta["ocr_grounded"] = self.grounded(
                records.caption_of(samples[self.text_key][row]), words
            )
            if meta["ocr_grounded"] != "unchanged":
                samples[self.text_key][row] = records.text_of(caption)
        return samples


def names(said: list[str], word: str) -> bool:
    """Whether the folded ``word``, or one that OCR may misread so, is among those ``said`` in the caption.

    >>> names(["red", "zoo", "sign"], "2oo"), names(["red", "sign"], "2oo")
    (True, False)
    """
    return word in "".join(said) or bool(difflib.get_close_matches(word, said, 1, 0.66))
