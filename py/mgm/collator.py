"""Samples to a batch, pictures or their features (official ``DataCollatorForSupervisedDataset``)."""

import torch
from torch.nn.utils.rnn import pad_sequence

from mgm.config import IGNORE_INDEX
from mgm.features import FeatureCache
from mgm.images import image_file


class Collator:
    """Pad a batch on the right with ``pad``; the attention mask marks what is not padding.

    With ``features``, samples name their pictures, and a batch has these features in the pictures' place.
    """

    def __init__(self, pad: int, features: FeatureCache | None = None) -> None:
        self.pad, self.features = pad, features

    def __call__(self, samples: list[dict]) -> dict[str, torch.Tensor | bool]:
        """(B, L) ids, labels and mask; ``images`` and ``images_aux`` stacked, as the model's `forward` takes
        them.
        """
        ids = [sample["input_ids"] for sample in samples]
        batch = {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=self.pad),
            "labels": pad_sequence(
                [s["labels"] for s in samples], batch_first=True, padding_value=IGNORE_INDEX
            ),
            "attention_mask": pad_sequence([torch.ones_like(x) for x in ids], batch_first=True),
        }
        if self.features:
            files = [s["image"] and image_file(s["image"]) for s in samples]
            images, images_aux = self.features.features_of(files)
            return batch | {"images": images, "images_aux": images_aux, "are_features": True}
        images, images_aux = (torch.stack([s[name] for s in samples]) for name in ("image", "image_aux"))
        return batch | {"images": images, "images_aux": images_aux}
