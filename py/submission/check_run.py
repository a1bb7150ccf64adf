"""Whether the challenge allows to submit a run, by what its folder says: all faults at once."""

from digest import sha256
from errors import Problems
from shapes import SCORED, read_shaped
from submission import logs
from submission.run import AGAIN, LOGS, Run, global_batch

HASHED_WHOLE = 256_000_000  # the training's record of a larger input is no plain SHA-256


def require_valid(run: Run) -> None:
    """Raise `BadInput` with all that makes the run no valid submission."""
    problems = Problems()
    check_samples(run, problems)
    for stage, log in LOGS.items():
        check_stage(run, stage, log, problems)
    check_chain(run, problems)
    problems.raise_if_any()


def check_samples(run: Run, problems: Problems) -> None:
    """Within the budget, of the seed, and not without synthesis."""
    where, count = run.folder / "synth.llava.json", len(run.samples)
    if count > run.rules.budget:
        problems.add(
            f"{where}: {count:,} samples, but profile {run.profile} allows {run.rules.budget:,}; "
            f"PRETRAIN_BUDGET={run.rules.budget} samples them"
        )
    for sample in run.samples:
        if sample.seed_caption is None:
            problems.add(
                f"{where}: id {sample.identity} is not of the seed; remove the record or correct --seed"
            )
    if run.synthesised == 0:
        problems.add(
            f"{where}: no synthesised sample, all captions and images are the seed's; the challenge asks for "
            "synthesis, choose another RECIPE"
        )


def check_stage(run: Run, stage: str, log: str, problems: Problems) -> None:
    """One training: one epoch, the official batch, one seed, and a log of as many steps as its data make."""
    where, settings, summary = run.folder / stage, run.settings(stage), run.summaries[stage]
    batch = global_batch(settings)
    official = run.rules.pretrain_batch if stage == "pretrain" else run.rules.finetune_batch
    if run.rules.official and batch != official:
        knob = f"{stage.upper()}_GLOBAL_BATCH_SIZE={official}"
        problems.add(f"{where}: global batch size {batch}, the challenge's is {official}; train with {knob}")
    if settings["num_train_epochs"] != 1 or settings["max_steps"] > 0:
        told = f"{settings['num_train_epochs']:g} epochs, max_steps {settings['max_steps']}"
        problems.add(f"{where}: trained for {told}, not for one epoch; train again")
    if settings["seed"] != run.results["random_seed"]:
        told = f"random seed {settings['seed']}, results.json says {run.results['random_seed']}"
        problems.add(f"{where}: {told}; these are of different runs, run 'make results'")
    samples = len(run.samples) if stage == "pretrain" else run.rules.finetune_samples
    if samples is not None and summary["samples"] != samples:
        told = f"{summary['samples']:,} samples were trained on, not {samples:,}"
        problems.add(f"{where}: {told}; train on the whole set, once")
    with (where / log).open("rb") as lines:
        curve = logs.read_curve(lines)
    fault = logs.curve_fault(curve) or logs.steps_fault(curve, summary["samples"], batch)
    if fault:
        problems.add(f"{where / log}: {fault}")


def check_chain(run: Run, problems: Problems) -> None:
    """Each file is the one that the next stage says it was made from."""
    folder, finetune = run.folder, run.args["finetune"]["inputs"]
    for path, recorded, reader in (
        (folder / "synth.llava.json", run.args["pretrain"]["inputs"]["data"], "pretrain"),
        (folder / "pretrain/mm_projector.bin", finetune["adapter"], "finetune"),
    ):
        if path.stat().st_size <= HASHED_WHOLE and sha256(path) != recorded:
            problems.add(f"{path}: not the file that {reader}/ was trained with; run 'make results'")
    if run.rules.official and "textvqa" not in run.results["scores"]:
        problems.add(f"{folder}/eval/textvqa: asked without OCR tokens, another test; evaluate with them")
    for test, entry in run.results["scores"].items():
        path = folder / "eval" / test.removesuffix("_pure") / "score.json"
        score = read_shaped(path, SCORED | {"n": int}, AGAIN)
        if (score["accuracy"], score["n"]) != (entry["accuracy"], entry["n"]):
            problems.add(f"{path}: not the score in results.json; run 'make results'")
    for stage in LOGS:
        if any(run.summaries[stage].get(key) != v for key, v in run.results["training"][stage].items()):
            problems.add(f"{folder / stage}/train_summary.json: not that in results.json; run 'make results'")
