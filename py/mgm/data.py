"""Training samples: encoded once, images decoded on demand, nothing ever replaced, nothing cut unasked.

Official ``LazySupervisedDataset``.
"""

from array import array
from pathlib import Path

import torch
from torch.utils.data import Dataset

from errors import BadInput
from json_files import read_json
from mgm.config import IGNORE_INDEX
from mgm.conversation import encode
from mgm.images import ImageProcessor, open_image

GHOST = -1


class ConversationDataset(Dataset):
    """A LLaVA file: ``[{"id", "conversations", "image"?}]``; image paths relative to ``image_folder``.

    ``cut_to``: positions that a sample may take with and without an image; longer ones lose their end, as in
    the official code. Off: they stay as they are (and `check_dataset` refuses them).
    """

    def __init__(
        self,
        data_path: str | Path,
        image_folder: str | Path | None,
        tokenizer,
        processor: ImageProcessor,
        cut_to: tuple[int, int] | None = None,
    ):
        self.path = Path(data_path)
        self.image_folder = Path(image_folder) if image_folder else self.path.parent
        self.tokenizer = tokenizer
        self.processor = processor
        self.cut_to = cut_to
        self.cut: set[int] = set()
        self.decodes = True  # False: a sample's image is its path, for a `Collator` with features
        self.records = read_json(self.path)
        if not isinstance(self.records, list) or not self.records:
            raise BadInput(
                f"{self.path}: a JSON list of records is needed and must not be empty; make it again"
            )
        # 4 bytes a token, and no object per token whose reference count would unshare workers' memory.
        self.encoded: list[tuple[array, array] | None] = [None] * len(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def record_id(self, i: int) -> str:
        """The record's id, or its position where it has none."""
        record = self.records[i]
        return str(record.get("id", f"#{i}")) if isinstance(record, dict) else f"#{i}"

    def letters(self, i: int) -> int:
        """Of all turns of sample ``i`` together."""
        turns = self.records[i].get("conversations") if isinstance(self.records[i], dict) else None
        turns = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
        return sum(len(turn["value"]) for turn in turns if isinstance(turn.get("value"), str))

    def encode(self, i: int) -> tuple[array, array]:
        """(``input_ids``, ``labels``) of sample ``i``, computed once."""
        if self.encoded[i] is None:
            record = self.records[i]
            if not isinstance(record, dict):
                raise BadInput("not a JSON object; correct the record")
            has_image = "image" in record
            input_ids, labels = encode(record.get("conversations"), self.tokenizer, has_image)
            if self.cut_to and len(input_ids) > self.cut_to[not has_image]:
                self.cut.add(i)
                input_ids, labels = (x[: self.cut_to[not has_image]] for x in (input_ids, labels))
            self.encoded[i] = array("i", input_ids), array("i", labels)
        return self.encoded[i]

    def image_path(self, i: int) -> Path | None:
        """Where sample ``i``'s image is; None for a text-only sample.

        The finetune set names some files as other releases of OCR-VQA and Visual Genome do; like the official
        loader, the other name is tried where the given one does not exist.
        """
        name = self.records[i].get("image")
        if "image" not in self.records[i]:
            return None
        if not isinstance(name, str) or not name:
            raise BadInput(f"image must be one path (found {name!r}); correct the record")
        path = self.image_folder / name
        if not path.exists():
            other = name.replace(".jpg", ".png") if "ocr" in name else name
            other = other.replace("VG_100K_2", "images").replace("VG_100K", "images")
            path = self.image_folder / other if (self.image_folder / other).exists() else path
        return path

    def modality_lengths(self) -> list[int]:
        """Words per sample, negative for text-only ones, as the official sampler groups them."""
        lengths = [
            sum(len(turn["value"].split()) for turn in record["conversations"]) for record in self.records
        ]
        return [n if "image" in record else -n for n, record in zip(lengths, self.records, strict=True)]

    def __getitem__(self, i: int) -> dict[str, torch.Tensor | Path | None]:
        """``input_ids`` and ``labels`` (L,), ``image`` (3, H, H), ``image_aux`` (3, H', H').

        Images are zeros without a picture. `GHOST` gives a sample without label (see `mgm.training.order`).
        With ``decodes`` off, ``image`` is the picture's path or None.
        """
        ghost = i == GHOST
        input_ids, labels = ([self.tokenizer.bos_token_id], [IGNORE_INDEX]) if ghost else self.encode(i)
        path = None if ghost else self.image_path(i)
        sample = {
            "input_ids": torch.tensor(input_ids, dtype=torch.long),
            "labels": torch.tensor(labels, dtype=torch.long),
        }
        if not self.decodes:
            return sample | {"image": path}
        image, image_aux = self.processor.blank() if path is None else self.processor(open_image(path))
        return sample | {"image": image, "image_aux": image_aux}
