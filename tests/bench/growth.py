"""How the cost of a full-size sample grows with the image's size, and a step's memory with the batch: counts.

    .venv/bin/python tests/bench/growth.py [--json rows.json] [--quick]

On the meta device, so nothing is timed. The larger tower's size must be a multiple of 96 pixels, CLIP's 24
patches a side times ConvNeXt's stride of 4, and of ConvNeXt's whole stride, 32: of 336, 672 and 768 the first
is impossible, 384 stands in for it. Data steps, evaluation and loading grow in their own benchmarks.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))

from model import mining_gflop
from rows import parser_of, row, tell

import cli
from costs.flops import training_flop
from costs.peak import peak_bytes
from costs.published import PRETRAIN
from costs.shapes import mgm_config, on_meta
from costs.step import prepare
from mgm.activations import ALL, KEPT
from mgm.mining import mine

SIDES, BATCHES = (384, 672, 768), (1, 2, 4, 8, 16, 32)


def measure(sides: tuple[int, ...] = SIDES, batches: tuple[int, ...] = BATCHES) -> list[dict]:
    """Operations of a pretraining sample and of its mining by size; bytes of a step by batch and kept."""
    rows, sample = [], PRETRAIN.sample
    for side in sides:
        model = on_meta(mgm_config(image_size_aux=side))
        whole = training_flop(model, "pretrain", ALL)
        detail = {"image_gflop": whole.image / 1e9, "positions": sample.length, "labelled": sample.labelled}
        rows.append(row(f"sample_gflop_{side}px", whole.of(sample) / 1e9, "GFLOP", **detail))
        rows.append(row(f"mining_gflop_{side}px", mining_gflop(model, mine), "GFLOP"))
    for kept in KEPT:
        prepare(model, "pretrain", kept)
        for batch in batches:
            peak = peak_bytes(model, batch, int(sample.length), int(sample.labelled))
            rows.append(row(f"step_gb_{kept}_{batch}", peak / 1e9, "GB", stage="pretrain", kept=kept))
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the official size, batches of 1 and 2; off: all"
    )
    args = parser.parse_args()
    tell(measure(SIDES[-1:], BATCHES[:2]) if args.quick else measure(), args.json)


if __name__ == "__main__":
    cli.run(main)
