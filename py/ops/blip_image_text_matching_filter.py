from data_juicer.ops.base_op import OPERATORS
from data_juicer.utils.constant import Fields
from data_juicer.utils.model_utils import get_model

import records
from store import key_of

from .answers import Answers, finite
from .images import Pictures
from .model_loading import ModelKey, dtype_name
from .statistic import StatisticFilter
from .tokens import encode, padded_length

OP_NAME = "blip_image_text_matching_filter"


@OPERATORS.register_module(OP_NAME)
class BlipImageTextMatchingFilter(StatisticFilter):
    """Keeps records whose caption matches its image, by BLIP's matching head, from min_value to max_value.

    The statistic (`image_text_matching_score`, or the name given) is the probability of a match, 0 to 1, to
    four decimals. With the default limits every record is kept. A caption longer than BLIP's text encoder
    takes is cut, and `<statistic>_truncated` says so.
    """

    _accelerator = "cuda"
    _batched_op = True

    def __init__(
        self,
        hf_blip: str = "Salesforce/blip-itm-base-coco",
        min_value: float = 0.0,
        max_value: float = 1.0,
        statistic: str = "image_text_matching_score",
        model_batch_size: int = 32,
        store: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_blip: folder of a BlipForImageTextRetrieval with its tokenizer and image processor.
        :param min_value: the least score that is kept, 0 to 1.
        :param max_value: the greatest score that is kept, 0 to 1.
        :param statistic: name of the statistic, so that a recipe can take it before and after a change.
        :param model_batch_size: pairs per forward; every forward has this many.
        :param store: path of the store of answers; empty: compute all.
        """
        super().__init__(statistic, min_value, max_value, *args, **kwargs)
        self.model_key = ModelKey("BlipForImageTextRetrieval", hf_blip)
        self.answers = Answers(hf_blip, store, model_batch_size, ask="match", dtype=dtype_name(self))

    def scores(self, encoded: list[list[int]], length: int, images: list, rank: int | None) -> list[float]:
        """The probability that each text, padded to ``length`` tokens, belongs to its image (PIL, RGB)."""
        import torch

        model, tokenizer, image_processor = get_model(self.model_key, rank, self.use_cuda())
        batch = tokenizer.pad(
            {"input_ids": encoded},
            padding="max_length",
            max_length=length,
            padding_side="right",
            return_tensors="pt",
        ).to(model.device)  # (B, L)
        pixels = image_processor(images=images, return_tensors="pt").pixel_values  # (B, 3, H, W)
        with torch.no_grad():
            logits = model(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                pixel_values=pixels.to(model.device, model.dtype),
                use_itm_head=True,
            ).itm_score  # (B, 2)
        return logits.float().softmax(-1)[:, 1].tolist()

    def pairs(self, samples: dict) -> tuple[list[str], Pictures]:
        """The captions and the images."""
        captions = [records.caption_of(text) for text in samples[self.text_key]]
        return captions, Pictures.of(samples, self.image_key)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        captions, pictures = self.pairs(samples)
        return [(self.answers, [key_of(*pair) for pair in zip(pictures.digests, captions, strict=True)])]

    def compute_stats_batched(self, samples, rank=None):
        captions, pictures = self.pairs(samples)
        encoded: dict[int, tuple[list[int], bool]] = {}
        context = 0

        def prepare(rows: list[int]) -> None:
            nonlocal context
            model, tokenizer, _ = get_model(self.model_key, rank, self.use_cuda())
            context = model.config.text_config.max_position_embeddings
            new = encode(tokenizer, [captions[row] for row in rows], context)
            encoded.update(zip(rows, new, strict=True))

        def length(row: int) -> int:
            return padded_length(encoded[row][0], context)

        def compute(rows: list[int]) -> list[tuple[float, bool]]:
            images = [pictures.load(row) for row in rows]
            scores = self.scores([encoded[row][0] for row in rows], length(rows[0]), images, rank)
            return [
                (finite(score, pictures.ids[row], "BLIP's matching score"), encoded[row][1])
                for row, score in zip(rows, scores, strict=True)
            ]

        [(answers, keys)] = self.questions(samples)
        found = answers(keys, compute, prepare, length)
        for stats, (score, truncated) in zip(samples[Fields.stats], found, strict=True):
            stats[self.statistic] = score
            stats[f"{self.statistic}_truncated"] = truncated
        return samples
