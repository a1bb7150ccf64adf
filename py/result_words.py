"""What a results.json says, in plain words: data, time, protocol, an honest verdict, what to do next."""

from pathlib import Path

from screen import name_of

RECIPES = Path(__file__).resolve().parent.parent / "configs" / "recipes"


def data_line(result: dict) -> str:
    """Seed → dropped by operator → selected, unique, synthesised → trained on, after the budget."""
    data = result["data"]
    if not data:
        return "Records: no pretraining"
    dropped = ", ".join(f"{operator} {count}" for operator, count in data.get("dropped", {}).items() if count)
    return (
        f"Records: {data['seed']} in the seed → dropped: {dropped or 'none'} → {data['selected']} selected, "
        f"{data['unique']} unique, {data['synthesised']} synthesised → "
        f"{result['training']['pretrain']['samples']} trained on"
    )


def time_line(result: dict, seconds: dict[str, float]) -> str:
    """Seconds of every stage and their sum; those of training alone where no stage was timed."""
    if not seconds:
        seconds = {stage: entry["seconds"] for stage, entry in result["training"].items() if entry}
    each = ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())
    together = f"; together {sum(seconds.values()):.1f}" if seconds else ""
    return f"Seconds: {each or 'not recorded'}{together}"


def protocol_line(result: dict) -> str:
    """How the scores were measured, test by test."""
    tests = []
    for test, p in result["protocol"].items():
        parts = [p["decoding"], p["dtype"], f"batch {p['batch_size']}", f"≤ {p['max_new_tokens']} tokens"]
        if "parse" in p:
            parts.append(f"circular, letters {p['parse']}")
        if p.get("prompts_with_ocr_tokens"):
            parts.append("OCR tokens in the prompt")
        if p["image"] == "blank":
            parts.append("image blanked")
        parts.append(f"questions {p['question_file_sha256'][:8]}")
        tests.append(f"{name_of(test)} {', '.join(parts)}")
    return f"Protocol: {'; '.join(tests)}"


def verdict(result: dict) -> str:
    """Which differences to the baseline exceed both intervals; never a winner inside the noise."""
    if not result["baseline"]:
        return "Verdict: no baseline to compare with; 'make baseline' makes one."
    told = []
    for test, score in result["scores"].items():
        base = result["baseline"]["scores"][test]
        if score["ci95"][0] > base["ci95"][1]:
            told.append(f"{name_of(test)} better than the baseline, beyond both intervals")
        elif score["ci95"][1] < base["ci95"][0]:
            told.append(f"{name_of(test)} worse than the baseline, beyond both intervals")
        else:
            told.append(f"{name_of(test)} undecided, the intervals overlap")
        if result["ratio"][test] is None:
            told.append(f"no ratio for {name_of(test)}, where the baseline's score is 0")
    return f"Verdict: {'; '.join(told)}. Of one run only the questions' scatter is known, not the runs'."


def next_steps(result: dict, settings: list[str]) -> list[str]:
    """Commands worth trying after this result; ``settings`` are the knobs that were set for it."""
    profile = [] if result["profile"] == "demo" else [f"PROFILE={result['profile']}"]
    name, number = result["experiment"], result["random_seed"] + 1
    own = [setting for setting in settings if not setting.startswith("RECIPE=")]
    make = " ".join(["make results", *profile, *own])
    # The baseline of an own seed set is named after its experiment: another recipe can share it.
    shared = f" BASELINE_EXP={result['baseline']['experiment']}" if own and result["baseline"] else ""
    known = {result["recipe"], result["baseline"] and result["baseline"]["recipe"]}
    others = sorted({path.stem for path in RECIPES.glob("*.yaml")} - known)
    steps = [f"{make} RECIPE={recipe} EXP={name}-{recipe}{shared}" for recipe in others]
    recipe = next((setting for setting in settings if setting not in own), f"RECIPE={result['recipe']}")
    steps += [f"{make} {recipe} RANDOM_SEED={number} EXP={name}-{number}"]
    swept = " ".join(dict.fromkeys(["seed", recipe.removeprefix("RECIPE=")]))
    knobs = [setting for setting in own if not setting.startswith("PRETRAIN=")]
    steps += [" ".join(["make sweep", *profile, *knobs, f'RECIPES="{swept}"'])]
    if not own:
        steps += [f"{make} SEED=path/to/mgm_pretrain.jsonl STAGE1=path/to/stage_1.json EXP=mine"]
    return [*steps, "make help"]
