"""The demo's evaluation: batches, shared pictures and prefixes against one question at a time; same answers.

    .venv/bin/python tests/bench/evaluation.py [--json rows.json] [--quick] [--repeats 3]

Both tests, 800 questions, as `make eval` asks them, model loaded once; both ways in one process, in turn,
medians, with one thread (the demo's) and with two. The plain way is tests/plain_answers.py with mgm/plain.py,
but for the official decoding and resizing of images, which is ours in both. The demo's
pictures have a question each, so its MMBench is also asked in circular variants, four a picture. Asked is
the demo's finetuned model, or, where it is not built, its stand-ins with fresh projectors. --quick counts
tower passes, decoder positions and full-size operations only.
"""

import contextlib
import copy
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from rows import parser_of, row, tell, whole_number
from transformers import DynamicCache

import answer_mmbench
import answer_textvqa
import cli
from answering import Answerer, answer_all, load_answerer
from costs.shapes import mgm_config, on_meta
from costs.step import decoder_inputs, embeddings, flop, pictures
from json_files import read_json
from mgm import checkpoint
from mgm.checkpoint import LoadedMGM, load_base, load_mgm, load_processor, load_tokenizer, read_config
from mgm.model import MGMGemmaForCausalLM
from mgm.plain import PlainMGM
from mmbench_table import OPTION_LETTERS
from plain_answers import plain_answers
from questions import DIRECT_ANSWER, Question, read_mmbench, read_textvqa

ROOT = Path(__file__).resolve().parents[2]
BATCH_SIZE, BATCH_SIZES, VARIANTS = 50, (1, 2, 4, 8, 16, 32), 4
# Full size: positions of a prefix and of a whole prompt, questions a picture, tokens of an answer.
FULL_SIZE = {"mmbench": (580, 690, 4.0, 1), "textvqa": (580, 720, 5000 / 3166, 4)}


class Asked(NamedTuple):
    """A test's texts, the names of their pictures, and what reads the i-th's file."""

    texts: list[str]
    pictures: list[str]
    load: Callable


def mmbench(table: Path, questions: list[Question]) -> Asked:
    texts = [f"{question.prompt}\n{DIRECT_ANSWER}" for question in questions]
    return Asked(
        texts, [q.image for q in questions], lambda i: answer_mmbench.image_file(table, questions[i])
    )


def textvqa(folder: Path) -> Asked:
    questions = read_textvqa(folder / "llava_textvqa_val_v051_ocr.jsonl")
    images = [q.image for q in questions]
    load = partial(answer_textvqa.image_file, folder / "train_images")
    return Asked([q.prompt for q in questions], images, lambda i: load(questions[i]))


def circular(question: Question) -> list[Question]:
    """The question with its options turned by 0, 1, 2 and 3 places."""
    first = question.prompt.split("\nA. ")[0]
    turned = [question.options[k:] + question.options[:k] for k in range(VARIANTS)]
    lines = ["\n".join(f"{x}. {text}" for x, text in zip(OPTION_LETTERS, t, strict=False)) for t in turned]
    return [
        replace(question, prompt=f"{first}\n{line}", options=t) for line, t in zip(lines, turned, strict=True)
    ]


def demo_sets(folder: Path) -> tuple[Asked, Asked, Asked]:
    """TextVQA, MMBench, and a quarter of MMBench in circular variants; ``folder`` takes what is made."""
    data = ROOT / "data/demo/eval"
    if not (data / "mmbench").is_dir():
        from world.eval_sets import make_mmbench, make_textvqa

        data = folder
        make_textvqa(data / "textvqa", "bench", 400)
        make_mmbench(data / "mmbench", "bench", 400)
    table = data / "mmbench/mmbench_dev_20230712.tsv"
    questions = read_mmbench(table)
    variants = [v for question in questions[: len(questions) // VARIANTS] for v in circular(question)]
    return textvqa(data / "textvqa"), mmbench(table, questions), mmbench(table, variants)


def demo_model(folder: Path) -> tuple[LoadedMGM, int]:
    """The demo's model and the longest answer to ask for; without training answers have no end."""
    built = ROOT / "runs/demo/default/finetune"
    if (built / "config.json").is_file():
        return load_mgm(built), 128
    from world.shipped import CLIP, CONVNEXT, GEMMA, restore

    for name in (GEMMA, CLIP, CONVNEXT):
        restore(name, ROOT / "py/world/weights" / name, folder / name)
    towers = {"mm_vision_tower": str(folder / CLIP), "mm_vision_tower_aux": str(folder / CONVNEXT)}
    config = read_config(folder / GEMMA, image_size_aux=96, image_aspect_ratio="pad", **towers)
    model = load_base(config, folder / GEMMA, None, torch.float32, seed=1024)
    return LoadedMGM(model.eval(), load_tokenizer(folder / GEMMA, 2048), load_processor(config)), 8


def ours(loaded: LoadedMGM, limit: int, features: Path | None = None) -> Answerer:
    """The answer scripts' own, around a model that is loaded already; with the towers' ``features`` kept."""
    flags = {"vision_tower": None, "vision_tower_aux": None, "feature_cache": features, "feature_cache_gb": 2}
    flags |= {"batch_size": BATCH_SIZE, "max_new_tokens": limit}
    args = Namespace(model_path=None, dtype="float32", device="cpu", **flags)
    with mock.patch.object(checkpoint, "load_mgm", lambda *_, **__: replace(loaded)):
        return load_answerer(args, pictures=0)


def answer(asked: Asked, answerer: Answerer, batch_size: int) -> list[str]:
    with contextlib.redirect_stderr(io.StringIO()):
        return answer_all(asked.texts, asked.pictures, asked.load, answerer, batch_size)


def answer_plainly(asked: Asked, loaded: LoadedMGM, limit: int) -> list[str]:
    """One question at a time, every position mined, as the official code does."""
    loaded = replace(loaded, model=copy.copy(loaded.model))
    loaded.model.__class__ = PlainMGM  # same parameters
    images = (asked.load(i).picture() for i in range(len(asked.texts)))
    ids = plain_answers(loaded, asked.texts, images, limit)
    return [text.strip() for text in loaded.tokenizer.batch_decode(ids, skip_special_tokens=True)]


def in_turn(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median wall and CPU seconds of each way; what they return must be equal."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    results = []
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            results.append(way())
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    assert all(result == results[0] for result in results), "the two ways answer differently"
    return {name: tuple(map(statistics.median, zip(*seen, strict=True))) for name, seen in times.items()}


def speedup(
    name: str,
    sets: tuple[Asked, ...],
    loaded: LoadedMGM,
    limit: int,
    repeats: int,
    features: Path | None = None,
    **limits,
) -> dict:
    """The row of plain against ours over ``sets``; ``features`` are there after the first repeat."""
    answerer = ours(loaded, limit, features)
    ways = {
        "plain": lambda: [answer_plainly(asked, loaded, limit) for asked in sets],
        "ours": lambda: [answer(asked, answerer, BATCH_SIZE) for asked in sets],
    }
    (plain, plain_cpu), (fast, fast_cpu) = in_turn(ways, repeats).values()
    seconds = {"plain": plain, "ours": fast, "plain_cpu": plain_cpu, "ours_cpu": fast_cpu}
    detail = {key: round(value, 2) for key, value in seconds.items()}
    detail |= {"cpu_speedup": round(plain_cpu / fast_cpu, 2), "threads": torch.get_num_threads()}
    detail |= {"questions": sum(len(asked.texts) for asked in sets), "batch_size": BATCH_SIZE}
    return row(name, plain / fast, "×", higher_is_better=True, **limits, **detail)


def parts_of(sets: tuple[Asked, ...], loaded: LoadedMGM, limit: int) -> list[dict]:
    """Rows: the shares of the CPU seconds that input, towers (with projector) and decoder take."""
    spent: Counter[str] = Counter()

    def timed(name: str, act: Callable) -> Callable:
        def acting(*args, **kwargs):
            start = time.thread_time()
            try:
                return act(*args, **kwargs)
            finally:
                spent[name] += time.thread_time() - start

        return acting

    answerer = ours(loaded, limit)
    answerer = answerer._replace(prepare=timed("input", answerer.prepare))
    sets = tuple(asked._replace(load=timed("input", asked.load)) for asked in sets)
    model = loaded.model
    patches = {"encode_images": "towers"}
    start = time.process_time()
    with contextlib.ExitStack() as stack:
        for attribute, name in patches.items():
            stack.enter_context(mock.patch.object(model, attribute, timed(name, getattr(model, attribute))))
        stack.enter_context(mock.patch.object(model.model, "forward", timed("decoder", model.model.forward)))
        for asked in sets:
            answer(asked, answerer, BATCH_SIZE)
    whole = time.process_time() - start
    return [row(f"eval_{name}_fraction", spent[name] / whole, "") for name in ("input", "towers", "decoder")]


def timed_rows(repeats: int) -> list[dict]:
    """The rows that need a clock, with the threads that this process has."""
    with tempfile.TemporaryDirectory() as folder:
        *sets, variants = demo_sets(Path(folder))
        loaded, limit = demo_model(Path(folder))
        if torch.get_num_threads() > 1:
            return [speedup(f"eval_speedup_{torch.get_num_threads()}_threads", sets, loaded, limit, repeats)]
        rows = [speedup("eval_speedup", sets, loaded, limit, repeats, target=4, goal=6)]
        rows.append(speedup("eval_speedup_circular", (variants,), loaded, limit, repeats))
        kept = Path(folder, "features")
        rows.append(speedup("eval_speedup_features_kept", sets, loaded, limit, repeats, kept))
        answerer, questions = ours(loaded, limit), sum(len(asked.texts) for asked in sets)
        ways = {n: lambda n=n: [answer(asked, answerer, n) for asked in sets] for n in BATCH_SIZES}
        for n, (seconds, cpu) in in_turn(ways, repeats).items():
            name = f"eval_questions_per_second_{n}"
            rows.append(
                row(name, questions / seconds, "/s", higher_is_better=True, a_cpu_second=questions / cpu)
            )
        return rows + parts_of(sets, loaded, limit)


def counted_rows() -> list[dict]:
    """Rows without a clock: what towers and decoder are given for circular variants, both ways."""
    with tempfile.TemporaryDirectory() as folder:
        variants = demo_sets(Path(folder))[-1]
        loaded, limit = demo_model(Path(folder))
        some = Asked(variants.texts[:40], variants.pictures[:40], variants.load)
        model, counts = loaded.model, {}

        def count(seen: Counter, inputs: dict) -> None:
            given = inputs.get("inputs_embeds")
            seen["positions"] += inputs["input_ids"].numel() if given is None else given[..., 0].numel()

        for name, way in {
            "plain": lambda: answer_plainly(some, loaded, limit),
            "ours": lambda: answer(some, ours(loaded, limit), 16),
        }.items():
            seen: Counter[str] = Counter()
            hooks = [
                model.model.vision_tower.register_forward_pre_hook(
                    lambda _, args, seen=seen: seen.update(towers=len(args[0]))
                ),
                model.model.register_forward_pre_hook(
                    lambda _, __, kwargs, seen=seen: count(seen, kwargs), with_kwargs=True
                ),
            ]
            counts[name] = way(), seen
            for hook in hooks:
                hook.remove()
    assert counts["plain"][0] == counts["ours"][0], "the two ways answer differently"
    plain, fast = counts["plain"][1], counts["ours"][1]
    images = len(set(some.pictures))
    return [
        row("eval_tower_passes", fast["towers"] / images, "an image", plain=plain["towers"] / images),
        row("eval_positions", fast["positions"] / 40, "a question", plain=plain["positions"] / 40),
    ]


@torch.no_grad()
def full_size_rows() -> list[dict]:
    """Rows: operations of a question to the true MGM-2B, the average over the questions of a picture."""
    model = on_meta(mgm_config()).eval()

    def forward(act: Callable) -> float:
        return flop(lambda: (act(), None)[1]) / 1e9

    image, rows = forward(lambda: model.encode_images(*pictures(model, 1))), []
    for name, (prefix, whole, share, tokens) in FULL_SIZE.items():
        once = forward(lambda n=prefix: read(model, n, wanted=1))
        rest = forward(lambda n=whole, p=prefix: read(model, n - p, past=p, wanted=1))
        each = forward(lambda n=whole: read(model, 1, past=n, wanted=1))
        alone = forward(lambda n=whole: read(model, n))
        logits = forward(lambda: model.lm_head(embeddings(model, 1, 1)))
        answering = tokens * each + (tokens + 1) * logits
        ours, plain = (
            (image + once) / share + rest + answering,
            image + alone + (whole - 1) * logits + answering,
        )
        detail = {"plain": round(plain, 1), "not_shared": round(image + once + rest + answering, 1)}
        detail |= {
            "ratio": round(ours / plain, 3),
            "picture": round(image, 1),
            "questions_a_picture": round(share, 2),
        }
        rows.append(row(f"eval_gflop_{name}", ours, "GFLOP", **detail))
    return rows


def read(model: MGMGemmaForCausalLM, length: int, past: int = 0, wanted: int = 0) -> None:
    """The decoder over ``length`` positions after ``past`` in the cache, the last layer at ``wanted``."""
    given = decoder_inputs(embeddings(model, 1, length))
    given["attention_mask"] = torch.empty(1, 1, length, past + length, dtype=torch.bool, device="meta")
    cache, config = DynamicCache(config=model.config), model.config
    shape = (1, config.num_key_value_heads, past, config.head_dim)
    for layer in range(config.num_hidden_layers if past else 0):
        cache.update(*torch.empty(2, *shape, device="meta", dtype=model.dtype), layer)
    columns = torch.empty(1, wanted, dtype=torch.long, device="meta") if wanted else None
    model.model(**given, past_key_values=cache, use_cache=True, wanted=columns)


def measure(quick: bool = False, repeats: int = 3) -> list[dict]:
    """All rows; the clock's in processes of their own, set up as scripts/eval/*.sh sets up theirs."""
    rows = [*counted_rows(), *full_size_rows()]
    for threads in () if quick else (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "rows.json")
            script = [sys.executable, __file__, "--timed", "--repeats", str(repeats), "--json", str(out)]
            setup = f'source "{ROOT}/scripts/eval/common.sh"; exec "$@"'
            # passive: two threads that wait by spinning take minutes where another process needs a core, too
            environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
            subprocess.run(["bash", "-c", setup, "bench", *script], env=environment, check=True, stdout=2)
            rows += read_json(out)
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--quick", action="store_true", help="counts only, no clock")
    parser.add_argument(
        "--repeats", type=whole_number, default=3, help="times that each way is run (default: 3)"
    )
    parser.add_argument("--timed", action="store_true", help="the clock's rows only, in this process")
    args = parser.parse_args()
    rows = timed_rows(args.repeats) if args.timed else measure(args.quick, args.repeats)
    tell(rows, args.json)


if __name__ == "__main__":
    cli.run(main)
