from data_juicer.ops.base_op import OPERATORS, Filter
from data_juicer.utils.constant import Fields
from data_juicer.utils.model_utils import get_model

import records

from .models import fixed_batches, load_image, model_key

OP_NAME = "clip_image_text_similarity_filter"


@OPERATORS.register_module(OP_NAME)
class ClipImageTextSimilarityFilter(Filter):
    """Keeps records whose caption is as similar to its image, by CLIP's cosine, as min_value to max_value.

    The statistic (`image_text_similarity`, or the name given) is rounded to four decimals. With the default
    limits every record is kept and the statistic only noted, for a selector to rank by. A caption longer than
    CLIP's context is cut, and `<statistic>_truncated` says so. Unlike in the stock operator a stored value is
    computed anew: between two uses in one recipe the caption may have changed.
    """

    _accelerator = "cuda"
    _batched_op = True

    def __init__(
        self,
        hf_clip: str = "openai/clip-vit-base-patch32",
        min_value: float = -1.0,
        max_value: float = 1.0,
        statistic: str = "image_text_similarity",
        model_batch_size: int = 32,
        *args,
        **kwargs,
    ):
        """
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        :param min_value: the least similarity that is kept, -1 to 1.
        :param max_value: the greatest similarity that is kept, -1 to 1.
        :param statistic: name of the statistic, so that a recipe can take it before and after a change.
        :param model_batch_size: images or captions per forward; every forward has this many.
        """
        super().__init__(*args, **kwargs)
        self.min_value = min_value
        self.max_value = max_value
        self.statistic = statistic
        self.model_batch_size = model_batch_size
        self.model_key = model_key("CLIPModel", hf_clip)

    def image_features(self, paths: list[str], ids: list[str], rank: int | None = None):
        """Unit vectors for the images at ``paths``: (N, D) float32."""
        import torch

        model, _, image_processor = get_model(self.model_key, rank, self.use_cuda())
        parts = []
        for rows, count in fixed_batches(range(len(paths)), self.model_batch_size):
            images = [load_image(paths[row], ids[row]) for row in rows]
            pixels = image_processor(images=images, return_tensors="pt").pixel_values  # (B, 3, H, W)
            pooled = model.vision_model(pixels.to(model.device, model.dtype)).pooler_output
            parts.append(model.visual_projection(pooled)[:count].float())  # (count, D)
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1)

    def text_features(self, captions: list[str], rank: int | None = None):
        """Unit vectors for ``captions``, (N, D) float32, and for each whether it had to be cut."""
        import torch

        model, tokenizer, _ = get_model(self.model_key, rank, self.use_cuda())
        context = model.config.text_config.max_position_embeddings
        whole = tokenizer(captions, verbose=False).input_ids
        truncated = [len(ids) > context for ids in whole]
        encoded = [ids[: context - 1] + ids[-1:] if len(ids) > context else ids for ids in whole]
        # Captions padded to the same multiple of 16 go together: a row's shape depends on itself alone.
        by_length: dict[int, list[int]] = {}
        for row, ids in enumerate(encoded):
            by_length.setdefault(min(-(-len(ids) // 16) * 16, context), []).append(row)
        features = torch.empty(len(captions), model.config.projection_dim, device=model.device)  # (N, D)
        for length, group in sorted(by_length.items()):
            for rows, count in fixed_batches(group, self.model_batch_size):
                batch = tokenizer.pad(
                    {"input_ids": [encoded[row] for row in rows]},
                    padding="max_length",
                    max_length=length,
                    padding_side="right",
                    return_tensors="pt",
                ).to(model.device)  # (B, L)
                pooled = model.text_model(batch.input_ids, batch.attention_mask).pooler_output
                features[rows[:count]] = model.text_projection(pooled)[:count].float()
        return torch.nn.functional.normalize(features, dim=-1), truncated

    def compute_stats_batched(self, samples, rank=None):
        import torch

        with torch.no_grad():
            captions = [records.caption_of(text) for text in samples[self.text_key]]
            text, truncated = self.text_features(captions, rank)
            image = self.image_features([paths[0] for paths in samples[self.image_key]], samples["id"], rank)
            cosines = (image * text).sum(-1).tolist()  # (N,)
        for stats, cosine, cut in zip(samples[Fields.stats], cosines, truncated, strict=True):
            stats[self.statistic] = round(cosine, 4)
            stats[f"{self.statistic}_truncated"] = cut
        return samples

    def process_batched(self, samples):
        values = [stats[self.statistic] for stats in samples[Fields.stats]]
        return [self.get_keep_boolean(value, self.min_value, self.max_value) for value in values]
