"""The share of a training step that loading images takes: measured in the demo, reckoned on an A10.

    .venv/bin/python tests/bench/input.py [--json rows.json] [--images FOLDER] [--count 100]

One thread, CPU seconds, medians. FOLDER holds JPEG files of real size (default: the seed's sample beside the
project, else pictures of the demo's world). Faster ways to load that were tried are rows, too: what they
would save, and how far their pixels are from the official ones; the official result's tolerance is 1e-4.
"""

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli
from costs import gpus, published
from costs.flops import training_flop
from costs.shapes import mgm_config, on_meta
from errors import BadInput
from mgm.activations import ALL
from mgm.checkpoint import load_base, load_processor, load_tokenizer, read_config
from mgm.collator import Collator
from mgm.data import ConversationDataset
from mgm.images import ImageProcessor, open_image, resize_and_crop
from mgm.training.trainable import set_trainable
from world.shipped import CLIP, CONVNEXT, GEMMA, restore
from world.training_sets import make_seed

ROOT = Path(__file__).resolve().parents[2]
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP, as in its preprocessor_config.json
STD = (0.26862954, 0.26130258, 0.27577711)
SIDE, SIDES = 768, (384, 672, 768)  # official, and what the towers' grids allow of 336 to 768
WORKERS = 4  # official
SAMPLES, BATCH = 400, 8  # of the demo
BICUBIC = Image.Resampling.BICUBIC


def timed(act: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of ``act``, and what it returns."""
    begun = time.process_time()
    result = act()
    return time.process_time() - begun, result


def demo_row() -> dict:
    """Percent of a pretraining step of the demo, without a cache of features: dataset and collator."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_seed(folder, "bench", SAMPLES)
        for name in (GEMMA, CLIP, CONVNEXT):
            restore(name, ROOT / "py/world/weights" / name, folder / name)
        towers = {"mm_vision_tower": str(folder / CLIP), "mm_vision_tower_aux": str(folder / CONVNEXT)}
        config = read_config(folder / GEMMA, image_size_aux=96, image_aspect_ratio="square", **towers)
        model = load_base(config, folder / GEMMA, None, torch.float32, 1024).train()
        set_trainable(model, True)
        tokenizer = load_tokenizer(folder / GEMMA, 2048)
        dataset = ConversationDataset(folder / "stage_1.json", folder, tokenizer, load_processor(config))
        collator, loads, steps = Collator(tokenizer.pad_token_id), [], []
        for first in range(0, SAMPLES, BATCH):
            for number in range(first, first + BATCH):
                dataset.encode(number)  # as before the first step, by the check of the data
            numbers = range(first, first + BATCH)
            seconds, batch = timed(lambda: collator([dataset[number] for number in numbers]))  # noqa: B023
            loads.append(seconds)
            steps.append(timed(lambda: model(**batch).loss.backward())[0])  # noqa: B023
    load, step = (statistics.median(times[5:]) for times in (loads, steps))  # the first ones warm up
    detail = {"load_ms": 1e3 * load, "forward_and_backward_ms": 1e3 * step, "batch": BATCH}
    return row("input_fraction_demo", 100 * load / (load + step), "%", **detail)


def pictures(folder: Path | None, count: int) -> Iterator[Path]:
    """``count`` images of ``folder``, evenly spread; `BadInput` if it has no JPEG file."""
    found = sorted(folder.rglob("*.jpg"))
    if not found:
        raise BadInput(f"--images {folder}: no .jpg in it; name a folder with images")
    return found[:: max(1, len(found) // count)][:count]


def loading_rows(paths: list[Path]) -> list[dict]:
    """Milliseconds an image from its file to both towers' pixels, by the larger tower's size."""
    rows = []
    for side in SIDES:
        processor, opened, processed = ImageProcessor(336, side, MEAN, STD), [], []
        for path in paths:
            seconds, picture = timed(lambda: open_image(path))  # noqa: B023
            opened.append(seconds)
            processed.append(timed(lambda: processor(picture))[0])  # noqa: B023
        decode, process = 1e3 * statistics.median(opened), 1e3 * statistics.median(processed)
        parts = {"decode_ms": decode, "resize_and_normalise_ms": process, "images": len(paths)}
        rows.append(row(f"image_ms_{side}px", decode + process, "ms", **parts))
    return rows


def a10_row(image_seconds: float) -> dict:
    """Percent of a sample's time in pretraining on an A10 that its image takes; over 100 the GPU waits."""
    flop = training_flop(on_meta(mgm_config()), "pretrain", ALL).of(published.PRETRAIN.sample)
    gpu, share = gpus.gpu("A10"), published.PRETRAIN.efficiency
    seconds = flop / (gpu.teraflops * 1e12 * share)
    detail = {"sample_ms": 1e3 * seconds, "image_ms": 1e3 * image_seconds, "workers": WORKERS}
    detail |= {"gflop": flop / 1e9, "teraflops": gpu.teraflops, "efficiency": share}
    busy = {"cores_kept_busy": image_seconds / seconds}
    return row("input_fraction_a10", 100 * image_seconds / WORKERS / seconds, "%", **detail, **busy)


def as_now(picture: Image.Image) -> Image.Image:
    return resize_and_crop(picture, SIDE)


def crop_in_one(picture: Image.Image) -> Image.Image:
    """Resize only what the crop keeps."""
    short, box = min(picture.size), []
    for side in picture.size:
        scaled = int(SIDE * side / short)
        first = (scaled - SIDE) // 2
        box.append((first * side / scaled, (first + SIDE) * side / scaled))
    (left, right), (top, bottom) = box
    return picture.resize((SIDE, SIDE), BICUBIC, box=(left, top, right, bottom))


def by_torch(picture: Image.Image) -> Image.Image:
    """PyTorch's antialiased bicubic on 8 bits."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    short, long = min(picture.size), max(picture.size)
    scaled = int(SIDE * long / short)
    size = (SIDE, scaled) if picture.width >= picture.height else (scaled, SIDE)
    resized = torch.nn.functional.interpolate(pixels, size=size, mode="bicubic", antialias=True)[0]
    left, top = (size[1] - SIDE) // 2, (size[0] - SIDE) // 2
    cropped = resized[:, top : top + SIDE, left : left + SIDE].permute(1, 2, 0)
    return Image.fromarray(cropped.contiguous().numpy())


def draft(data: bytes) -> Image.Image:
    """Decode at the smallest eighth of the size that is not below what is needed."""
    picture = Image.open(io.BytesIO(data))
    picture.draft("RGB", (SIDE, SIDE))
    return picture.convert("RGB")


def enlarged(path: Path) -> bytes:
    """A JPEG of three times `SIDE`: at its own size, 336 pixels, no seed image can be drafted."""
    data = io.BytesIO()
    picture = open_image(path)
    scale = 3 * SIDE / min(picture.size)
    size = tuple(round(side * scale) for side in picture.size)
    picture.resize(size, BICUBIC).save(data, "JPEG", quality=90)
    return data.getvalue()


def tried_rows(paths: list[Path]) -> list[dict]:
    """Largest difference of a normalised pixel from ours, and milliseconds beside ours, of faster ways."""
    whole = {path: open_image(path) for path in paths}
    large = {path: enlarged(path) for path in paths[:10]}
    ways = {
        "tried_crop_in_one": (whole, crop_in_one, as_now),
        "tried_torch_resize": (whole, by_torch, as_now),
        "tried_draft_jpeg": (
            large,
            lambda data: as_now(draft(data)),
            lambda data: as_now(Image.open(io.BytesIO(data)).convert("RGB")),
        ),
    }
    rows = []
    for name, (given, way, ours) in ways.items():
        times, far = [], 0.0
        for picture in given.values():
            (other, theirs), (mine, exact) = (timed(lambda f=f: f(picture)) for f in (way, ours))  # noqa: B023
            times.append((other, mine))
            far = max(far, float(np.abs(np.asarray(theirs, float) - np.asarray(exact, float)).max()))
        other, mine = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
        detail = {"ms": other, "ms_now": mine, "images": len(given)}
        rows.append(row(name, far / 255 / min(STD), "difference", **detail))
    return rows


def measure(folder: Path | None = None, count: int = 100) -> list[dict]:
    """All rows; ``folder`` as --images."""
    torch.set_num_threads(1)
    beside = ROOT.parent / "shared/seed_1k/images"
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None and not beside.is_dir():
            make_seed(Path(temporary), "bench", count)
        paths = list(pictures(folder or (beside if beside.is_dir() else Path(temporary)), count))
        loading = loading_rows(paths)
        tried = tried_rows(paths)
    return [demo_row(), a10_row(loading[-1]["value"] / 1e3), *loading, *tried]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=Path, help="folder of JPEG files (default: see above)")
    parser.add_argument("--count", type=whole_number, default=100, help="images to load (default: 100)")
    args = parser.parse_args()
    tell(measure(args.images, args.count), args.json)


if __name__ == "__main__":
    cli.run(main)
