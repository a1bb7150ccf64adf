import json

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import records

from .answers import Answers
from .clip import Clip
from .images import Pictures

OP_NAME = "clip_best_caption_mapper"


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class ClipBestCaptionMapper(Mapper):
    """Takes, of a captioner's candidates, the one that CLIP finds most similar to the image.

    Of equal ones the earlier, so the greedy caption wins a tie. Records without candidates stay as they are.
    """

    _accelerator = "cuda"
    _batched_op = True

    def __init__(
        self,
        hf_clip: str = "openai/clip-vit-base-patch32",
        model_batch_size: int = 64,
        store: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        :param model_batch_size: images or captions per forward; every forward has this many.
        :param store: path of the store of answers; empty: compute all.
        """
        super().__init__(*args, **kwargs)
        self.clip = Clip(self, hf_clip, store, model_batch_size)

    def pairs(self, samples: dict) -> tuple[list[int], list[str], Pictures]:
        """The record's row, the caption and the image of each candidate."""
        candidates = [json.loads(meta["caption_candidates"]) for meta in samples[Fields.meta]]
        rows = [row for row, captions in enumerate(candidates) for _ in captions]
        captions = [caption for captions in candidates for caption in captions]
        return rows, captions, Pictures.of(samples, self.image_key).pick(rows)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        _, captions, pictures = self.pairs(samples)
        return [(self.clip.cosines, self.clip.similarity_questions(captions, pictures))]

    def process_batched(self, samples, rank=None):
        rows, captions, pictures = self.pairs(samples)
        found = self.clip.similarities(captions, pictures, rank)
        best: dict[int, tuple[float, str]] = {}
        for row, caption, (cosine, _) in zip(rows, captions, found, strict=True):
            if row not in best or cosine > best[row][0]:
                best[row] = (cosine, caption)
        for row, (_, caption) in best.items():
            samples[self.text_key][row] = records.text_of(caption)
        return samples
