"""Training: what a full-size sample costs, plain (as officially computed) and rewritten; one real step.

    .venv/bin/python tests/bench/model.py [--quick] [--repeats 3] [--json FILE]

Counts are PyTorch's own on the meta device. The step is MGM-2B in its true shapes with random weights in
bfloat16: forward and backward of one pretraining sample of 620 positions, 20 of them with a label, on all
cores, both forms in turn. It needs 14 GB of memory and some minutes. Its memory is what lives beside the
weights at the peak, counted tensor by tensor. ``--quick``: the counts alone. ``--profile``: no rows, but
where the time of our step goes.
"""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import torch
from accelerate import init_empty_weights

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from rows import parser_of, row, tell, whole_number

import cli
from costs.flops import Sample, image_flop, training_flop
from costs.peak import peak_of
from costs.shapes import mgm_config, on_meta
from costs.step import flop, pictures, prepare
from mgm.activations import ALL, INPUTS, PRODUCTS
from mgm.config import IGNORE_INDEX, IMAGE_TOKEN_INDEX
from mgm.mining import mine, mine_plain
from mgm.model import MGMGemmaForCausalLM
from mgm.plain import PlainMGM
from official_flop import official_flop

SAMPLE = Sample(620, 20)
MODES = {"plain": INPUTS, "ours": PRODUCTS}  # the official run always computes its layers twice


def mining_gflop(model: MGMGemmaForCausalLM, form: Callable) -> float:
    """Mining of one image at full size by ``form``, forward and backward, its projectors being trained."""
    prepare(model, "pretrain", ALL)
    part = model.model
    patches, width = part.vision_tower.grid**2, part.vision_tower.hidden_size
    positions = (model.config.image_size_aux // part.vision_tower_aux.stride) ** 2 // patches
    query = torch.empty(1, patches, width, device="meta", dtype=model.dtype)
    shape = 1, patches, positions, part.vision_tower_aux.hidden_size
    covered = torch.empty(shape, device="meta", dtype=model.dtype)
    projectors = part.vlm_uni_query_projector, part.vlm_uni_aux_projector, part.vlm_uni_val_projector
    return flop(lambda: form(query, covered, *projectors)) / 1e9


def counts() -> list[dict]:
    """Operations of a sample and of mining, both ways."""
    model = on_meta(mgm_config())
    rows = []
    for stage, sample in (("pretrain", SAMPLE), ("finetune", Sample(1000, 300))):
        plain = official_flop(model, stage).of(sample) / 1e9
        ours = {kept: training_flop(model, stage, kept).of(sample) / 1e9 for kept in (PRODUCTS, INPUTS)}
        name = "sample_flop_ratio" if stage == "pretrain" else "finetune_flop_ratio"
        limits = (0.60, 0.58) if stage == "pretrain" else (None, None)
        detail = {"plain_gflop": plain, **{f"{kept}_kept_gflop": value for kept, value in ours.items()}}
        rows.append(row(name, ours[PRODUCTS] / plain, "ratio", *limits, **detail))
    plain, ours = mining_gflop(model, mine_plain), mining_gflop(model, mine)
    rows.append(
        row("mining_gflop", ours, "GFLOP", 30, 25, plain_gflop=plain, image_gflop=image_flop(model) / 1e9)
    )
    return rows


def real_models() -> dict[str, MGMGemmaForCausalLM]:
    """Both forms of MGM-2B, sharing one set of random weights in bfloat16."""
    block = (torch.randn(2**20, generator=torch.Generator().manual_seed(0)) * 0.02).bfloat16()
    models = {}
    for name, kind in (("plain", PlainMGM), ("ours", MGMGemmaForCausalLM)):
        with init_empty_weights(include_buffers=False):
            models[name] = kind(mgm_config())
    state = {}
    for name, parameter in models["ours"].named_parameters():
        values = block.repeat(parameter.numel() // len(block) + 1)[: parameter.numel()]
        is_norm = parameter.ndim == 1 and name.endswith("weight") and "layers" not in name
        state[name] = values.view(parameter.shape) + is_norm
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    for name, model in models.items():
        model.load_state_dict(state, assign=True, strict=False)
        model.tie_weights()
        prepare(model.train(), "pretrain", MODES[name])
    return models


def batch_of(model: MGMGemmaForCausalLM) -> dict[str, torch.Tensor]:
    """One sample of `SAMPLE`'s size: noise as a picture."""
    images, images_aux = pictures(model, 1)
    patches = model.model.vision_tower.grid**2
    ids = torch.randint(10, 200_000, (1, SAMPLE.length - patches + 1))
    ids[0, 4] = IMAGE_TOKEN_INDEX
    labels = torch.where(torch.arange(ids.shape[1]) < ids.shape[1] - SAMPLE.labelled, IGNORE_INDEX, ids)
    noise = {"images": torch.randn(images.shape), "images_aux": torch.randn(images_aux.shape)}
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels, **noise}


def real_step(repeats: int) -> list[dict]:
    """Seconds and bytes of one step, the two forms in turn."""
    torch.manual_seed(0)
    models = real_models()
    batch = batch_of(models["ours"])
    seconds, losses, peaks = {"plain": [], "ours": []}, {}, {}

    def step(name: str) -> None:
        loss = models[name](**batch).loss
        loss.backward()
        losses[name] = loss.item()
        models[name].zero_grad()

    for _ in range(repeats):
        for name in models:
            start = time.perf_counter()
            step(name)
            seconds[name].append(time.perf_counter() - start)
            print(f"  {name}: {seconds[name][-1]:.1f} s", flush=True)
    for name, model in models.items():
        peaks[name] = peak_of(model, lambda name=name: step(name))
    assert abs(losses["ours"] / losses["plain"] - 1) < 0.01, losses
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    speedup, ratio = medians["plain"] / medians["ours"], peaks["ours"] / peaks["plain"]
    return [
        row(
            "train_speedup",
            speedup,
            "×",
            1.5,
            1.6,
            higher_is_better=True,
            **{f"{n}_seconds": s for n, s in medians.items()},
        ),
        row("train_memory_ratio", ratio, "ratio", 0.7, 0.5, **{f"{n}_gb": p / 1e9 for n, p in peaks.items()}),
    ]


def profile() -> None:
    """Print where the time of one step goes, by part and by kind of operation."""
    model = real_models()["ours"]
    batch, parts = batch_of(model), model.model
    timed = {"CLIP": (parts.vision_tower, "forward"), "ConvNeXt": (parts.vision_tower_aux, "forward")}
    timed |= {"mining and projector": (model, "project"), "decoder": (parts, "forward")}
    with ExitStack() as stack:
        for name, (owner, method) in timed.items():
            inside = torch.profiler.record_function(name)(getattr(owner, method))
            stack.enter_context(mock.patch.object(owner, method, inside))
        profiler = stack.enter_context(torch.profiler.profile())
        with torch.profiler.record_function("forward"):
            loss = model(**batch).loss
        with torch.profiler.record_function("backward"):
            loss.backward()
    seconds = {event.key: event.cpu_time_total / 1e6 for event in profiler.key_averages()}
    for name in ("forward", *timed, "backward"):
        print(f"{name}: {seconds[name]:.1f} s")
    own = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    for event in [event for event in own if event.key.startswith("aten::")][:12]:
        print(f"  {event.key}: {event.self_cpu_time_total / 1e6:.1f} s in {event.count} calls")


def measure(quick: bool = False, repeats: int = 3) -> list[dict]:
    """All rows."""
    return counts() + ([] if quick else real_step(repeats))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--quick", action="store_true", help="only count operations")
    parser.add_argument("--repeats", type=whole_number, default=3, help="steps of each form (default: 3)")
    parser.add_argument("--profile", action="store_true", help="only say where the time of a step goes")
    args = parser.parse_args()
    if args.profile:
        profile()
        return
    tell(measure(args.quick, args.repeats), args.json)


if __name__ == "__main__":
    cli.run(main)
