"""What the operators with a model share: loading it, its answers from the store, batches of one shape."""

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from digest import sha256
from errors import BadInput
from pictures import open_plain, read_picture
from store import Model, opened

CHECKED, DIGEST = "seed_image", "image_sha256"  # columns of check_seed.py: which file, and what was in it
REMEDY = "restore it or remove the record"


def load_model(architecture: str, folder: str, device: str = "cpu") -> tuple[Any, Any, Any]:
    """Load ``folder`` as the transformers class ``architecture`` for inference, strictly.

    Returns (model, tokenizer, image processor); the model in float16 on a GPU, else in float32. Weights and
    settings never run code.
    """
    import torch
    import transformers

    from mgm.weights import IGNORED, NAMES, is_finite, read_file, weight_files

    for file in weight_files(folder, NAMES):
        read_file(file)  # names a file that is broken, or would run code
    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        model, found = getattr(transformers, architecture).from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
        image_processor = transformers.AutoImageProcessor.from_pretrained(folder, **local)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{folder}: cannot be loaded as {architecture} ({reason}); fetch it again") from error
    unexpected = [name for name in found["unexpected_keys"] if not name.endswith(IGNORED)]
    faults = [f"missing: {name}" for name in sorted(found["missing_keys"])]
    faults += [f"unexpected: {name}" for name in sorted(unexpected)]
    faults += [
        f"misshapen: {name} is {has}, needed {needed}" for name, has, needed in found["mismatched_keys"]
    ]
    faults += [f"not finite: {name}" for name, value in model.named_parameters() if not is_finite(value)]
    if faults:
        lines = "\n  ".join(faults)
        raise BadInput(f"{folder}: the weights do not fit {architecture}:\n  {lines}\nfetch the folder again")
    return model.to(device).eval().requires_grad_(False), tokenizer, image_processor


@dataclass(frozen=True)
class ModelKey:
    """The key for Data-Juicer's `get_model`, which loads once per process and frees after use.

    Equal by value: on Ray each task gets a copy of the operator, and would load the model again. Imports the
    architecture now: not with this module, for a recipe without a model starts seconds sooner so, and not
    later, in every worker process of every operator.
    """

    architecture: str
    folder: str

    def __post_init__(self) -> None:
        import transformers

        getattr(transformers, self.architecture)

    def __call__(self, device: str = "cpu") -> tuple[Any, Any, Any]:
        return load_model(self.architecture, self.folder, device)


class Pictures(NamedTuple):
    """The images of some records, one each: paths, the records' ids, the SHA-256 of the files' bytes."""

    paths: list[str]
    ids: list[str]
    digests: list[str]

    @classmethod
    def of(cls, samples: dict, image_key: str = "images") -> "Pictures":
        """Those of a batch; the SHA-256 from check_seed.py, or for another file as it is now."""
        paths = [paths[0] for paths in samples[image_key]]
        nothing = [None] * len(paths)
        checked = zip(paths, samples.get(CHECKED, nothing), samples.get(DIGEST, nothing), strict=True)
        digests = [digest if path == seen else sha256(path) for path, seen, digest in checked]
        return cls(paths, list(samples["id"]), digests)

    def pick(self, rows: list[int]) -> "Pictures":
        """Those of ``rows``."""
        return Pictures(*([column[row] for row in rows] for column in self))

    def load(self, row: int) -> Image.Image:
        """Decode one to RGB; raises `BadInput` naming the record, also if its SHA-256 is another one."""
        path, identity, digest = self.paths[row], self.ids[row], self.digests[row]
        name = f"id {identity}: image {path}"
        try:
            with open_plain(path) as file:
                content = file.read()
        except FileNotFoundError as error:
            raise BadInput(f"{name} is missing; {REMEDY}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise BadInput(f"{name} has changed since it was checked; run the same command again")
        return read_picture(io.BytesIO(content), name, REMEDY)


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


def encode(tokenizer: Any, captions: list[str], context: int) -> list[tuple[list[int], bool]]:
    """The tokens of each caption, ``context`` at most, the last one kept, and whether it had to be cut.

    Of a caption only what can fill the context is looked at, 32 letters a token: some tokenizers take minutes
    for 100,000 letters without a space.
    """
    longest = 32 * context
    whole = tokenizer([caption[:longest] for caption in captions], verbose=False).input_ids
    return [
        (tokens[: context - 1] + tokens[-1:], True)
        if len(tokens) > context
        else (tokens, len(caption) > longest)
        for tokens, caption in zip(whole, captions, strict=True)
    ]


def finite(value: float, identity: str, what: str) -> float:
    """``value`` to four decimals; raises `BadInput` if it is no number, as half precision may give."""
    if not math.isfinite(value):
        raise BadInput(f"id {identity}: {what} is {value}; set accelerator: cpu for this operator")
    return round(value, 4) + 0.0  # never -0.0, which JSON writers spell in several ways


def padded_length(tokens: list[int], context: int) -> int:
    """The next multiple of 16, so that texts of like length go into one forward; ``context`` at most."""
    return min(-(-len(tokens) // 16) * 16, context)


def dtype_name(operator: Any) -> str:
    """The precision that `load_model` will choose for ``operator``: answers of two precisions differ."""
    return "float16" if operator.use_cuda() else "float32"


class Answers:
    """One model under one setting: its answers, from the store or computed and put there at once."""

    def __init__(self, folder: str, store: str, batch_size: int, **settings: Any) -> None:
        """
        :param folder: the model's folder.
        :param store: path of the store; empty: compute everything.
        :param batch_size: questions per forward; every forward has this many.
        :param settings: whatever else the answers depend on.
        """
        self.store, self.batch_size = store, batch_size
        self.counted = True  # in what `make store` shows
        if settings.get("dtype") == "float16":  # where another shape may decide a close call otherwise
            settings["model_batch_size"] = batch_size
        if store:
            weights = opened(store).folder_sha256(folder)
            self.model = Model(Path(folder).name, weights, json.dumps(settings, sort_keys=True))

    def lacking(self, keys: list[bytes]) -> list[int]:
        """The rows of ``keys`` that the store has no answer to, each question once."""
        known = opened(self.store).answers(self.model, keys) if self.store else {}
        return list({key: row for row, key in reversed([*enumerate(keys)]) if key not in known}.values())

    def __call__(
        self,
        keys: list[bytes],
        compute: Callable[[list[int]], list],
        prepare: Callable[[list[int]], None] = lambda rows: None,
        shape: Callable[[int], int] = lambda row: 0,
    ) -> list:
        """The answers to ``keys``, in order.

        :param compute: gets ``batch_size`` rows and answers each.
        :param prepare: called once before, with all rows that will be computed.
        :param shape: rows of one shape go into one forward; a row's shape must depend on the row alone.
        """
        known = opened(self.store).answers(self.model, keys) if self.store else {}
        missing: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in known:
                missing.setdefault(key, row)
        if missing:
            prepare(list(missing.values()))
        groups: dict[int, list[int]] = {}
        for row in missing.values():
            groups.setdefault(shape(row), []).append(row)
        for _, group in sorted(groups.items()):
            for rows, count in fixed_batches(group, self.batch_size):
                new = dict(zip([keys[row] for row in rows[:count]], compute(rows)[:count], strict=True))
                if self.store:
                    opened(self.store).add(self.model, new)
                known |= new
        if self.store and self.counted:
            opened(self.store).add(self.model, {}, asked=len(keys))
        return [known[key] for key in keys]
