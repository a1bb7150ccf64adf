import json

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import records

from .clip import Clip
from .models import Pictures

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

    def process_batched(self, samples, rank=None):
        candidates = [json.loads(meta["caption_candidates"]) for meta in samples[Fields.meta]]
        asked = [(row, caption) for row, captions in enumerate(candidates) for caption in captions]
        pictures = Pictures.of(samples, self.image_key).pick([row for row, _ in asked])
        found = self.clip.similarities([caption for _, caption in asked], pictures, rank)
        best: dict[int, tuple[float, str]] = {}
        for (row, caption), (cosine, _) in zip(asked, found, strict=True):
            if row not in best or cosine > best[row][0]:
                best[row] = (cosine, caption)
        for row, (_, caption) in best.items():
            samples[self.text_key][row] = records.text_of(caption)
        return samples
