"""Compare the recipes of a sweep over their random seeds: scores, intervals, verdicts against `seed`, cost.

    python py/make_leaderboard.py --runs runs/demo --recipes seed recaption --random_seeds 1 2 3 \\
        --output runs/demo/leaderboard.json
"""

import sys
from pathlib import Path

import cli
from costs.captioning import caption_flop, matching_flop, similarity_flop
from json_files import write_json
from leaderboard.board import leaderboard
from leaderboard.sweep import read_sweep


def flop_per_call(captioner: Path | None, similarity: Path | None, matching: Path | None) -> dict[str, int]:
    """Operations of one question to each model, counted on the meta device."""
    return {
        "captions": caption_flop(captioner),
        "similarities": similarity_flop(similarity),
        "matches": matching_flop(matching),
    }


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder with RECIPE-sRANDOM_SEED/ of each")
    parser.add_argument("--recipes", nargs="+", required=True, help="names; 'seed' is the baseline")
    parser.add_argument("--random_seeds", nargs="+", type=int, required=True, help="of the runs to compare")
    parser.add_argument("--captioner", type=Path, help="its folder, for the cost (default: official shape)")
    parser.add_argument("--similarity_model", type=Path, help="CLIP's folder (default: official shape)")
    parser.add_argument("--matching_model", type=Path, help="BLIP's folder (default: official shape)")
    parser.add_argument("--output", type=Path, required=True, help="leaderboard.json")
    args = parser.parse_args()
    sweep = read_sweep(args.runs, args.recipes, args.random_seeds)
    for recipe, left_out in sweep.left_out.items():
        for run in left_out:
            print(
                f"make_leaderboard.py: {recipe}-s{run['random_seed']} left out: {run['reason']}",
                file=sys.stderr,
            )
    per_call = flop_per_call(args.captioner, args.similarity_model, args.matching_model)
    write_json(args.output, leaderboard(sweep, per_call))


if __name__ == "__main__":
    cli.run(main)
