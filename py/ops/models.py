"""What the operators with a model share: loading it, decoding images, and batches of one fixed shape."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from PIL import Image

from pictures import read_picture


def load_model(architecture: str, folder: str, device: str = "cpu") -> tuple[Any, Any, Any]:
    """Load ``folder`` as the transformers class ``architecture`` for inference.

    Returns (model, tokenizer, image processor); the model in float16 on a GPU, else in float32.
    """
    import torch
    import transformers

    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    model = getattr(transformers, architecture).from_pretrained(folder, dtype=dtype, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    image_processor = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    return model.to(device).eval().requires_grad_(False), tokenizer, image_processor


def model_key(architecture: str, folder: str) -> Callable:
    """The key for Data-Juicer's `get_model`, which loads once per process and frees after use.

    Imports the architecture now: not with this module, for a recipe without a model starts seconds sooner so,
    and not later, in every worker process of every operator.
    """
    import transformers

    getattr(transformers, architecture)
    return partial(load_model, architecture, folder)


def load_image(path: str, identity: str) -> Image.Image:
    """Decode ``path`` to RGB; raises `BadInput` naming the record, so that one bad image costs no batch."""
    return read_picture(path, f"id {identity}: image {path}", "restore it or remove the record")


def fixed_batches(rows: Sequence[int], size: int) -> Iterator[tuple[list[int], int]]:
    """Yield (``size`` rows, how many of them count); the last batch is filled up by repeating its last row.

    Matrix products round differently for different shapes. With one shape for all, a record's result doesn't
    depend on which records came with it, nor on Data-Juicer's batch size, order or number of workers.

    >>> list(fixed_batches([4, 5, 6], 2))
    [([4, 5], 2), ([6, 6], 1)]
    """
    for start in range(0, len(rows), size):
        batch = list(rows[start : start + size])
        yield batch + batch[-1:] * (size - len(batch)), len(batch)
