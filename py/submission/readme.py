"""solution/readme: how the result is reproduced and what it was made from, as the run recorded it."""

from pathlib import Path

from shapes import STAGES, read_shaped
from submission import rules
from submission.run import LOGS, Run, global_batch

NAMES = {"textvqa": "TextVQA", "textvqa_pure": "TextVQA without OCR tokens", "mmbench": "MMBench"}


def data_lines(run: Run) -> list[str]:
    """The data: counts and the budget."""
    data, samples = run.results["data"], run.samples
    dropped = ", ".join(f"{operator} {count}" for operator, count in data.get("dropped", {}).items() if count)
    return [
        f"Seed: {data['seed']:,} records; dropped: {dropped or 'none'}; selected: {data['selected']:,}.",
        f"Trained on: {len(samples):,} samples of {len({s.identity for s in samples}):,} seed records, "
        f"{run.synthesised:,} synthesised; profile {run.profile} allows {run.rules.budget:,} at most, and no "
        "id is from elsewhere.",
    ]


def training_lines(run: Run) -> list[str]:
    """Both trainings: samples, steps, batch, epochs, seed, loss."""
    lines = []
    for stage in LOGS:
        settings, summary = run.settings(stage), run.summaries[stage]
        batch = " × ".join(
            str(settings[key])
            for key in ("per_device_train_batch_size", "gradient_accumulation_steps", "world_size")
        )
        lines.append(
            f"{stage}: {summary['samples']:,} samples, {summary['steps']:,} steps of "
            f"{global_batch(settings)} (per GPU × accumulation × GPUs: {batch}), "
            f"{settings['num_train_epochs']:g} epoch, learning rate {settings['learning_rate']:g}, "
            f"random seed {settings['seed']}, last loss {summary['loss']}"
        )
    return lines


def score_lines(run: Run) -> list[str]:
    """Scores as evaluated, with intervals, the protocol, and the ratio where there is a baseline."""
    lines = []
    for test, score in run.results["scores"].items():
        (low, high), protocol = score["ci95"], run.results["protocol"][test]
        lines.append(
            f"{NAMES.get(test, test)}: {score['accuracy']:.2f} % [{low:.1f}, {high:.1f}] of {score['n']} "
            f"questions; {protocol['decoding']}, {protocol['dtype']}, at most "
            f"{protocol['max_new_tokens']} tokens"
        )
    ratio, baseline = run.results["ratio"], run.results["baseline"]
    if ratio and ratio["mean"] is not None:
        each = ", ".join(f"{NAMES.get(t, t)} {v:.3f}" for t, v in ratio.items() if t != "mean")
        lines.append(
            f"Score ÷ score of the baseline ({baseline['experiment']}): {each}; mean {ratio['mean']:.3f}"
        )
    return lines


def knob_lines(folder: Path) -> list[str]:
    """The knobs that each stage recorded when it ran."""
    lines = []
    for stage in STAGES:
        mark = folder / ".make" / f"{stage}.made"
        if mark.is_file():
            knobs = read_shaped(mark, {"knobs": {...: str}}, "run its stage again")["knobs"]
            knobs = {name: value for name, value in knobs.items() if value}
            lines.append(f"{stage}: {' '.join(f'{name}={value}' for name, value in knobs.items())}")
    return lines


def sections_of(run: Run, recipe: str) -> dict[str, list[str]]:
    """Title → lines of what the run was made from and came to."""
    return {
        "Data": [f"Recipe: {recipe}", *data_lines(run)],
        "Training": training_lines(run),
        "Scores": score_lines(run),
        "Knobs, as each stage recorded them": knob_lines(run.folder),
        "Versions": [", ".join(f"{name} {version}" for name, version in run.results["versions"].items())],
        "SHA-256 of the inputs": [f"{name}: {digest}" for name, digest in run.results["inputs"].items()],
    }


def readme(run: Run, command: str, recipe: str, offline: bool) -> str:
    """The whole text. ``recipe``: its path in the submission."""
    demo = [] if run.rules.official else [f"This is {rules.NOT_SUBMITTABLE}.", ""]
    kept = (
        "processed data and weights are in output/"
        if offline
        else "processed data and weights are not included"
    )
    lines = [
        f"Better Synth, experiment {run.experiment}",
        f"Profile: {run.profile}",
        "",
        *demo,
        "To reproduce it, in solution/code (Linux on x86-64, GNU Make 4.2, bash 4.4, Python 3.11 with venv):",
        "",
        f"    {command}",
        "",
        "This installs the locked packages (requirements.txt), makes or downloads models and data, "
        "synthesises, trains, evaluates and packs.",
        f"output/train.sh has the two training commands alone; {kept}.",
    ]
    for title, told in sections_of(run, recipe).items():
        if told:
            lines += ["", title, "-" * len(title), *told]
    return "\n".join(lines) + "\n"
