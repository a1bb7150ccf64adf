"""Copy a finished run into the challenge's layout, after checking that it may be submitted.

Online: solution/ (readme, requirements, recipe, code), training script, logs and evaluation. ``--offline``
adds the synthesised data, the projectors and the finetuned weights. A run without synthesis, over the budget,
or whose parts do not belong together is refused.

    python py/make_submission.py --run runs/demo/default --profile demo --experiment default \\
        --recipe configs/recipes/filter_recaption.yaml --seed data/demo/seed/mgm_pretrain_demo.jsonl \\
        --output submission
"""

import shutil
from argparse import Namespace
from pathlib import Path

import cli
from errors import BadInput
from fetch import room
from progress import Progress
from submission import rules
from submission.check_run import require_valid
from submission.output import data_pieces, log_pieces, result_pieces, weight_pieces
from submission.piece import Piece, text
from submission.readme import readme
from submission.run import LOGS, Run, read_run
from submission.solution import (
    PROJECT,
    code_pieces,
    deepspeed_pieces,
    from_code,
    recipe_pieces,
    seen_from_code,
)
from submission.train_script import read_command, train_script


def pieces_of(run: Run, args: Namespace) -> list[Piece]:
    """Every file of the submission."""
    recipe = recipe_pieces(args.recipe)
    commands = [read_command(run.folder / f".make/{stage}.log", run.settings(stage)) for stage in LOGS]
    deepspeed = deepspeed_pieces(commands)
    knobs = knobs_of(run, args, recipe[0], deepspeed)
    goal = "submission-offline" if args.offline else "submission"
    written = readme(run, " ".join(["make", goal, *knobs]), recipe[0].name, args.offline)
    script = train_script(run, [from_code(command, deepspeed) for command in commands], knobs)
    pieces = [text(rules.README, written), text(rules.TRAIN, script, executable=True)]
    pieces += [*code_pieces(), *recipe, *deepspeed]
    pieces += [*log_pieces(run), *result_pieces(run)]
    if args.offline:
        pieces += [*data_pieces(run, args.seed), *weight_pieces(run)]
    return pieces


def knobs_of(run: Run, args: Namespace, recipe: Piece, deepspeed: list[Piece]) -> list[str]:
    """KNOB=VALUE … that make this run again in solution/code, where own files lie beside it."""
    shipped = args.recipe.resolve().parent == PROJECT / "configs/recipes"
    named = args.recipe.stem if shipped else seen_from_code(recipe)
    knobs = [f"PROFILE={run.profile}", f"EXP={run.experiment}", f"RECIPE={named}"]
    knobs += [f"DEEPSPEED_CONFIG={seen_from_code(piece)}" for piece in deepspeed[:1]]
    set_here = {knob.partition("=")[0] for knob in knobs}
    return knobs + [knob for knob in args.knobs.split() if knob.partition("=")[0] not in set_here]


def copy(pieces: list[Piece], output: Path) -> None:
    """Write ``pieces`` below ``output``, which must not be there yet."""
    total = sum(piece.size for piece in pieces)
    room.check(output.parent, 2 * total, f"the {len(pieces)} files of the submission and its zip")
    progress = Progress(f"copying to {output}", total)
    for piece in pieces:
        target = output / piece.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(piece.source, bytes):
            target.write_bytes(piece.source)
            progress.add(piece.size)
        else:
            with piece.source.open("rb") as source, target.open("xb") as file:
                progress.pour(source, file)
        target.chmod(0o755 if piece.executable else 0o644)


def parse_args() -> Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the experiment's folder")
    parser.add_argument("--profile", choices=rules.PROFILES, required=True, help="whose numbers apply")
    parser.add_argument("--experiment", required=True, help="EXP in the names of the folders")
    parser.add_argument("--recipe", type=Path, required=True, help="the recipe that ran, a .yaml")
    parser.add_argument("--seed", type=Path, required=True, help="the seed file, whose ids and images count")
    parser.add_argument("--knobs", default="", help="further KNOB=VALUE … that reproduce it (default: none)")
    parser.add_argument(
        "--offline", action="store_true", help="add data and weights (default: online layout)"
    )
    parser.add_argument("--output", type=Path, required=True, help="the folder to make; must not exist")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.output.exists():
        raise BadInput(f"{args.output}: exists already; move it away or name another folder")
    run = read_run(args.run, args.profile, args.experiment, args.seed)
    require_valid(run)
    aside = args.output.with_name(f".{args.output.name}+")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        copy(pieces_of(run, args), aside)
        aside.replace(args.output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    print(f"make_submission.py: {args.output}: {len(run.samples):,} samples, {run.synthesised:,} synthesised")


if __name__ == "__main__":
    cli.run(main)
