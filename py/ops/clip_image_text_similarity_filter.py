from data_juicer.ops.base_op import OPERATORS
from data_juicer.utils.constant import Fields

import records

from .answers import Answers
from .clip import Clip
from .images import Pictures
from .statistic import StatisticFilter

OP_NAME = "clip_image_text_similarity_filter"


@OPERATORS.register_module(OP_NAME)
class ClipImageTextSimilarityFilter(StatisticFilter):
    """Keeps records whose caption is as similar to its image, by CLIP's cosine, as min_value to max_value.

    The statistic (`image_text_similarity`, or the name given) is rounded to four decimals. With the default
    limits every record is kept and the statistic only noted, for a selector to rank by. A caption longer than
    CLIP's context is cut, and `<statistic>_truncated` says so. Unlike in the stock operator a stored value is
    computed anew: between two uses in one recipe the caption may have changed.
    """

    _accelerator = "cuda"
    _batched_op = True
    RANGE = (-1.0, 1.0)

    def __init__(
        self,
        hf_clip: str = "openai/clip-vit-base-patch32",
        min_value: float = -1.0,
        max_value: float = 1.0,
        statistic: str = "image_text_similarity",
        model_batch_size: int = 64,
        store: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        :param min_value: the least similarity that is kept, -1 to 1.
        :param max_value: the greatest similarity that is kept, -1 to 1.
        :param statistic: name of the statistic, so that a recipe can take it before and after a change.
        :param model_batch_size: images or captions per forward; every forward has this many.
        :param store: path of the store of answers; empty: compute all.
        """
        super().__init__(statistic, min_value, max_value, *args, **kwargs)
        self.clip = Clip(self, hf_clip, store, model_batch_size)

    def pairs(self, samples: dict) -> tuple[list[str], Pictures]:
        """The captions and the images."""
        captions = [records.caption_of(text) for text in samples[self.text_key]]
        return captions, Pictures.of(samples, self.image_key)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        return [(self.clip.cosines, self.clip.similarity_questions(*self.pairs(samples)))]

    def compute_stats_batched(self, samples, rank=None):
        found = self.clip.similarities(*self.pairs(samples), rank)
        for stats, (cosine, truncated) in zip(samples[Fields.stats], found, strict=True):
            stats[self.statistic] = cosine
            stats[f"{self.statistic}_truncated"] = truncated
        return samples
