"""Our captioner against Data-Juicer's `image_captioning_mapper`, and against the store of its own answers.

    .venv/bin/python tests/bench/captions.py [--json rows.json] [--images 256]

Both ways in one run, medians of three, greedy: the stock operator always samples, so its model gets top_k 1.
It is called as Data-Juicer calls it, 10 records at a time, of which it takes 8 at once. The captioner is the
demo's, as it is and, to inform, with OPT's vocabulary of 50,272 words, as in blip2-opt-2.7b; another caption
than the stock operator's is an error. Both ways have as many threads as this process may use cores.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli
from errors import BadInput
from records import caption_of

ROOT = Path(__file__).resolve().parents[2]
STOCK_IMAGE_TOKEN, OPT_VOCABULARY, STOCK_BATCH = 50_265, 50_272, 10


def median(act: Callable[[], object], times: int = 3) -> float:
    """Median seconds of ``act``."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def captioner(folder: Path, opt_vocabulary: bool) -> Path:
    """The demo's captioner, with OPT's vocabulary size if asked for."""
    import torch
    from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForConditionalGeneration, Blip2Processor

    from world.shipped import BLIP2, restore

    small, target = folder / "standin", folder / "captioner"
    restore(BLIP2, ROOT / "py/world/weights" / BLIP2, small)
    model = Blip2ForConditionalGeneration.from_pretrained(small)
    if opt_vocabulary:
        token = model.config.image_token_index
        model.resize_token_embeddings(OPT_VOCABULARY, mean_resizing=False)
        with torch.no_grad():
            table = model.get_input_embeddings().weight
            table[token + 1 :] = table[token]  # as unlikely as the image token, which is never said
        model.config.image_token_index = model.config.image_token_id = STOCK_IMAGE_TOKEN
    model.save_pretrained(target)
    processor = AutoImageProcessor.from_pretrained(small)
    Blip2Processor(processor, AutoTokenizer.from_pretrained(small), num_query_tokens=None).save_pretrained(
        target
    )
    processor.save_pretrained(target)
    return target


def prepare_stock(stock: object) -> None:
    """Load the stock operator's model, let it sample the first choice only, and know its image token."""
    import torch
    from data_juicer.utils.model_utils import get_model

    model, _ = get_model(stock.model_key, None, False)
    model.language_model.generation_config.top_k = 1
    decoder = model.language_model.model.decoder
    table = decoder.embed_tokens.weight
    if len(table) <= STOCK_IMAGE_TOKEN:  # the head stays as it is
        wider = torch.zeros(STOCK_IMAGE_TOKEN + 1, table.shape[1])
        wider[: len(table)] = table.detach()
        decoder.embed_tokens = torch.nn.Embedding.from_pretrained(wider)


def part(samples: dict, rows: slice) -> dict:
    """Some of ``samples``, as a copy that an operator may change."""
    return {k: [dict(v) if isinstance(v, dict) else v for v in values[rows]] for k, values in samples.items()}


def compared(folder: Path, count: int, opt_vocabulary: bool) -> dict[str, float]:
    """Seconds of the stock operator, ours, and the store for ``count`` images; `BadInput` if they differ."""
    from data_juicer.ops.mapper.image_captioning_mapper import ImageCaptioningMapper

    from batches import batch_of
    from ops.blip2_caption_mapper import Blip2CaptionMapper
    from world.training_sets import make_seed

    make_seed(folder / "world", "bench", count)
    samples, everything = batch_of(folder / "world/mgm_pretrain_demo.jsonl"), slice(None)
    model = str(captioner(folder, opt_vocabulary))
    stock = ImageCaptioningMapper(hf_img2seq=model, keep_original_sample=False)
    options = {"hf_blip2": model, "model_batch_size": 128}
    ours = Blip2CaptionMapper(**options)
    kept = Blip2CaptionMapper(**options, store=str(folder / "store.sqlite"))
    said: dict[str, list[str]] = {}

    def stock_way() -> None:
        parts = [slice(at, at + STOCK_BATCH) for at in range(0, count, STOCK_BATCH)]
        said["stock"] = [
            text for rows in parts for text in stock.process_batched(part(samples, rows))["text"]
        ]

    def our_way() -> None:
        said["ours"] = ours.process_batched(part(samples, everything))["text"]

    prepare_stock(stock)
    ours.process_batched(part(samples, slice(1)))  # loads the model
    kept.process_batched(part(samples, everything))
    seconds = {
        "stock": median(stock_way),
        "ours": median(our_way),
        "store": median(lambda: kept.process_batched(part(samples, everything))),
    }
    differ = [x != y for x, y in zip(*(map(caption_of, said[way]) for way in ("stock", "ours")), strict=True)]
    if any(differ):
        raise BadInput(f"{sum(differ)} of {count} captions are not the stock operator's; mend the captioner")
    return seconds


def measure(images: int = 256) -> list[dict]:
    """How many times faster than the stock operator, with the demo's captioner and with OPT's vocabulary."""
    import torch

    from run_data_juicer import leave_out_ray, refuse_installation

    leave_out_ray()
    refuse_installation()
    rows = []
    for opt_vocabulary in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            seconds = compared(Path(folder), images, opt_vocabulary)
        detail = {f"ms_{way}": round(1000 * value / images, 3) for way, value in seconds.items()}
        detail |= {"images": images, "threads": torch.get_num_threads()}
        name, suffix = "caption_speedup", "_opt_vocabulary" if opt_vocabulary else ""
        limits = () if opt_vocabulary else (5, 8)
        ratio, from_store = seconds["stock"] / seconds["ours"], seconds["ours"] / seconds["store"]
        rows.append(row(f"{name}{suffix}", ratio, "×", *limits, higher_is_better=True, **detail))
        rows.append(row(f"caption_store_speedup{suffix}", from_store, "×", higher_is_better=True))
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=whole_number, default=256, help="images to caption (default: 256)")
    args = parser.parse_args()
    tell(measure(args.images), args.json)


if __name__ == "__main__":
    cli.run(main)
