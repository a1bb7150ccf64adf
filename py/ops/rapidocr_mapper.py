import json
import os
from importlib.metadata import version
from pathlib import Path

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import ocr
from store import key_of
from watermarks import watermark

from .answers import Answers
from .images import Pictures

OP_NAME = "rapidocr_mapper"
_readers: dict[int, ocr.Reader] = {}


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class RapidocrMapper(Mapper):
    """Reads the words in each image with RapidOCR, on the CPU, and recognises stock agencies' watermarks.

    The meta field `ocr_words` (JSON) lists text, confidence (0 to 1) and box (left, top, right, bottom in
    pixels) from top to bottom; `watermark` names the agency, or is empty.
    """

    _batched_op = True

    def __init__(self, store: str = "", *args, **kwargs):
        """
        :param store: path of the store of answers; empty: read all.
        """
        super().__init__(*args, **kwargs)
        import rapidocr_onnxruntime

        weights = Path(rapidocr_onnxruntime.__file__).parent / "models"
        packages = {name: version(name) for name in ("rapidocr-onnxruntime", "onnxruntime")}
        self.answers = Answers(str(weights), store, 1, ask="words", reader=ocr.VERSION, **packages)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        return [(self.answers, [key_of(digest) for digest in Pictures.of(samples, self.image_key).digests])]

    def process_batched(self, samples):
        pictures = Pictures.of(samples, self.image_key)

        def compute(rows: list[int]) -> list[tuple[list[ocr.Word], int, int]]:
            if os.getpid() not in _readers:
                _readers[os.getpid()] = ocr.Reader()
            images = [pictures.load(row) for row in rows]
            return [(_readers[os.getpid()].read(image), *image.size) for image in images]

        [(answers, keys)] = self.questions(samples)
        found = answers(keys, compute)
        for meta, (words, width, height) in zip(samples[Fields.meta], found, strict=True):
            words = [ocr.Word(text, confidence, tuple(box)) for text, confidence, box in words]
            meta["ocr_words"] = json.dumps([word._asdict() for word in words], ensure_ascii=False)
            meta["watermark"] = watermark(words, width, height)
        return samples
