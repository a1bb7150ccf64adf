"""Our captioner against Data-Juicer's `image_captioning_mapper`, and against the store of its own answers.

    .venv/bin/python tests/bench/captions.py [--images 200]

Both ways in one run, medians of three, greedy: the stock operator always samples, so its model gets top_k 1.
It is called as Data-Juicer calls it, 10 records at a time, of which it takes 8 at once. The captioner is the
demo's, as it is and with OPT's vocabulary of 50,272 words, as in blip2-opt-2.7b; both must say the same.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "py"), str(ROOT / "tests")]
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

    from world.standins import BLIP2, restore

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


def measure(folder: Path, count: int, opt_vocabulary: bool) -> dict[str, float | bool]:
    """Milliseconds an image of the stock operator, ours, and the store; their ratios."""
    from data_juicer.ops.mapper.image_captioning_mapper import ImageCaptioningMapper

    from batches import batch_of
    from ops.blip2_caption_mapper import Blip2CaptionMapper
    from records import caption_of
    from world.make_data import make_seed

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
    found = {f"ms an image, {way}": round(1000 * value / count, 3) for way, value in seconds.items()}
    found["stock ÷ ours"] = round(seconds["stock"] / seconds["ours"], 1)
    found["ours ÷ store"] = round(seconds["ours"] / seconds["store"])
    found["same captions"] = list(map(caption_of, said["stock"])) == list(map(caption_of, said["ours"]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=200, help="images to caption (default: 200)")
    args = parser.parse_args()
    from run_data_juicer import leave_out_ray, refuse_installation

    leave_out_ray()
    refuse_installation()
    for opt_vocabulary in (False, True):
        folder = Path(tempfile.mkdtemp())
        found = measure(folder, args.images, opt_vocabulary)
        name = f"the demo's captioner{', with OPT’s vocabulary' if opt_vocabulary else ''}"
        print(name, json.dumps(found, indent=1, ensure_ascii=False), flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
