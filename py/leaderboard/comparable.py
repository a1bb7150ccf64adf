"""Whether two runs may be compared: same tests, finetuning, code, packages and knobs, all but the data's."""

from typing import Any

from errors import BadInput
from graph.changes import changed
from leaderboard.runs import Run

PROTOCOL = ("test", "prompt", "question_file_sha256", "image", "decoding", "max_new_tokens", "parse")
PROTOCOL += ("dtype", "device")
DATA_FILES = {"RECIPE", "SEED", "STAGE1"}  # with hashes among a result's inputs
DATA_KNOBS = {
    "PRETRAIN",
    "ON_BAD_RECORD",
    "MAX_BAD_RECORDS",
    "CAPTIONER",
    "SIMILARITY_MODEL",
    "MATCHING_MODEL",
}
FREE_KNOBS = {"RANDOM_SEED"} | DATA_FILES | DATA_KNOBS  # what makes one recipe's data another's
READ_BY_SOME = {"PRETRAIN_BUDGET"}  # in synthesis, where a recipe asks for it; all runs' conversion reads it
OWN_CODE = ("py/", "scripts/", "configs/zero")  # recipes and data are files of other folders
SHARED_INPUTS = ("data/", "models/", "own_EVAL_DATA", "own_FINETUNE_DATA")
SHOWN = 3
NAMED = {"recipe": "version of the recipe", "seed": "seed set", "synth": "synth.jsonl"}


def require_comparable(run: Run, reference: Run) -> None:
    """Raise `BadInput` with the first few differences that make a comparison mean nothing."""
    words = differences(run, reference)
    if words:
        more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
        raise BadInput(f"not comparable with {reference.folder.name}: {', '.join(words[:SHOWN])}{more}")


def differences(run: Run, reference: Run) -> list[str]:
    """What differs beside recipe, seed set and random seed, in words: ``reference → run``."""
    mine, other = run.result, reference.result
    words = []
    if mine["profile"] != other["profile"]:
        words.append(f"profile {other['profile']} → {mine['profile']}")
    for test in sorted(mine["protocol"].keys() | other["protocol"].keys()):
        before, after = (result["protocol"].get(test, {}) for result in (other, mine))
        words += [
            f"{test}'s {key} {before.get(key)!r} → {after.get(key)!r}"
            for key in PROTOCOL
            if before.get(key) != after.get(key)
        ]
        if run.scores.get(test, {}).keys() != reference.scores.get(test, {}).keys():
            words.append(f"other questions in {test}")
    for name in sorted(mine["versions"].keys() | other["versions"].keys()):
        before, after = (result["versions"].get(name, "none") for result in (other, mine))
        if before != after:
            words.append(f"{name} {before} → {after}")
    if mine["inputs"].get("finetune_data") != other["inputs"].get("finetune_data"):
        words.append("another finetuning set")
    if bool(run.made) != bool(reference.made):
        words.append("marks of the graph, in .make/, of one of them only")
    for stage in sorted(run.made.keys() & reference.made.keys()):
        words += [f"{stage}: {word}" for word in changed(*of_all(reference.made[stage], run.made[stage]))]
    return words


def of_another_recipe(run: Run, other: Run) -> list[str]:
    """What differs, in words, of what a recipe's runs share: its inputs, synth.jsonl if they read one."""
    mine, theirs = run.result["inputs"], other.result["inputs"]
    seeded = {"synth"} if run.synthesis != other.synthesis else set()
    names = sorted((mine.keys() | theirs.keys()) - seeded)
    words = [f"another {NAMED.get(name, name)}" for name in names if mine.get(name) != theirs.get(name)]
    for stage in sorted(run.made.keys() & other.made.keys()):
        before, after = (side.made[stage]["knobs"] for side in (other, run))
        words += [
            f"{knob} {before.get(knob)} → {after.get(knob)}"
            for knob in sorted(DATA_KNOBS)
            if before.get(knob) != after.get(knob)
        ]
    return words


def of_all(*marks: dict[str, Any]) -> list[dict[str, Any]]:
    """What of a stage's ``marks`` must not depend on the recipe, as knobs, inputs and files of data do."""
    inputs = set.intersection(*(set(mark["inputs"]) for mark in marks))
    knobs = set.intersection(*(set(mark["knobs"]) for mark in marks))
    return [
        {
            "knobs": {
                name: mark["knobs"][name]
                for name in mark["knobs"].keys() - FREE_KNOBS
                if name in knobs or name not in READ_BY_SOME
            },
            "reads": {path: entry for path, entry in mark["reads"].items() if path.startswith(OWN_CODE)},
            "packages": mark["packages"],
            "inputs": {label: mark["inputs"][label] for label in inputs if label.startswith(SHARED_INPUTS)},
        }
        for mark in marks
    ]
