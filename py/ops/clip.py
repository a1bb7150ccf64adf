"""CLIP for the operators that compare images with texts or with each other."""

from typing import Any

from data_juicer.utils.model_utils import get_model

from store import key_of

from .answers import Answers, finite
from .images import CHECKED, DIGEST, Pictures
from .model_loading import ModelKey, dtype_name
from .tokens import encode, padded_length


class Clip:
    """A CLIPModel with its answers: unit vectors of images (as float16), cosines of images and captions."""

    def __init__(self, operator: Any, hf_clip: str, store: str, model_batch_size: int) -> None:
        """
        :param operator: the operator that asks; it decides about the GPU.
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        """
        self.operator = operator
        self.model_key = ModelKey("CLIPModel", hf_clip)
        dtype = dtype_name(operator)
        self.images = Answers(hf_clip, store, model_batch_size, ask="image features", dtype=dtype)
        self.cosines = Answers(hf_clip, store, model_batch_size, ask="image-text cosine", dtype=dtype)

    def parts(self, rank: int | None) -> tuple[Any, Any, Any]:
        """(model, tokenizer, image processor), loaded when first needed."""
        return get_model(self.model_key, rank, self.operator.use_cuda())

    def image_features(self, pictures: Pictures, rank: int | None = None):
        """Unit vectors of the images, rounded to float16: (N, D) float32 tensor."""
        import numpy as np
        import torch

        def compute(rows: list[int]) -> list[bytes]:
            model, _, image_processor = self.parts(rank)
            images = [pictures.load(row) for row in rows]
            pixels = image_processor(images=images, return_tensors="pt").pixel_values  # (B, 3, H, W)
            with torch.no_grad():
                pooled = model.vision_model(pixels.to(model.device, model.dtype)).pooler_output
                features = model.visual_projection(pooled).float()  # (B, D)
            return [row.tobytes() for row in torch.nn.functional.normalize(features).half().cpu().numpy()]

        vectors = self.images(self.image_questions(pictures), compute)
        stacked = np.frombuffer(b"".join(vectors), dtype=np.float16).reshape(len(vectors), -1)
        return torch.from_numpy(stacked.astype(np.float32))

    def image_questions(self, pictures: Pictures) -> list[bytes]:
        """The questions behind `image_features`."""
        return [key_of(digest) for digest in pictures.digests]

    def similarity_questions(self, captions: list[str], pictures: Pictures) -> list[bytes]:
        """The questions behind `similarities`."""
        return [key_of(*question) for question in zip(pictures.digests, captions, strict=True)]

    def similarities(
        self, captions: list[str], pictures: Pictures, rank: int | None = None
    ) -> list[tuple[float, bool]]:
        """Per record the cosine of image and caption, to four decimals, and whether the caption was cut."""
        import torch

        features, encoded, context = {}, {}, 0

        def prepare(rows: list[int]) -> None:
            nonlocal context
            features.update(zip(rows, self.image_features(pictures.pick(rows), rank), strict=True))
            model, tokenizer, _ = self.parts(rank)
            context = model.config.text_config.max_position_embeddings
            new = encode(tokenizer, [captions[row] for row in rows], context)
            encoded.update(zip(rows, new, strict=True))

        def length(row: int) -> int:
            return padded_length(encoded[row][0], context)

        def compute(rows: list[int]) -> list[tuple[float, bool]]:
            text = self.text_features([encoded[row][0] for row in rows], length(rows[0]), rank)
            image = torch.nn.functional.normalize(torch.stack([features[row] for row in rows]))
            cosines = (image * text.cpu()).sum(-1).tolist()  # (B,)
            return [
                (finite(cosine, pictures.ids[row], "CLIP's similarity"), encoded[row][1])
                for row, cosine in zip(rows, cosines, strict=True)
            ]

        return self.cosines(self.similarity_questions(captions, pictures), compute, prepare, length)

    def text_features(self, encoded: list[list[int]], length: int, rank: int | None):
        """Unit vectors of token lists padded to ``length``: (B, D) float32."""
        import torch

        model, tokenizer, _ = self.parts(rank)
        batch = tokenizer.pad(
            {"input_ids": encoded},
            padding="max_length",
            max_length=length,
            padding_side="right",
            return_tensors="pt",
        ).to(model.device)  # (B, L)
        with torch.no_grad():
            pooled = model.text_model(batch.input_ids, batch.attention_mask).pooler_output
            return torch.nn.functional.normalize(model.text_projection(pooled).float(), dim=-1)


def table_features(clip: Clip, table: Any):
    """Unit vectors of the images of an Arrow table of records: (N, D) float32 array."""
    names = [name for name in ("id", "images", CHECKED, DIGEST) if name in table.column_names]
    return clip.image_features(Pictures.of({name: table[name].to_pylist() for name in names})).numpy()
