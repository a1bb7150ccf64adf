"""Print which knobs have a value that no stage can use, or nothing; for the Makefile.

Said before the first stage, for the one that reads the knob may come hours later. A name in the environment
that is nearly a knob's gets a warning: it may be meant for another program.

    python py/graph/check_knobs.py SAVE_STEPS=0 LAUNCHER=python
"""

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

MOST = 10**9
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LIKE = 0.85  # as difflib counts, where 1 is the same name
SHORTEST = 6  # of the names that a slip of the pen is looked for in


class Kind(NamedTuple):
    """What a knob must be, in words, and whether a value is it."""

    words: str
    holds: Callable[[str], bool]


def whole(least: int = 1, most: int = MOST) -> Kind:
    """A whole number, both limits included."""

    def holds(value: str) -> bool:
        return re.fullmatch("0|[1-9][0-9]{0,9}", value, re.ASCII) is not None and least <= int(value) <= most

    return Kind(f"a whole number from {least} to {most}", holds)


def number(least: float, most: float, above: bool = False) -> Kind:
    """``above``: ``least`` itself is too little."""

    def holds(value: str) -> bool:
        found = float(value) if NUMBER.fullmatch(value) else least - 1
        return least <= found <= most and not (above and found == least)

    words = f"a number above {least:g}, at most {most:g}" if above else f"a number from {least:g} to {most:g}"
    return Kind(words, holds)


def one_of(*values: str) -> Kind:
    """One of a few words."""
    return Kind(" or ".join(value or "empty" for value in values), lambda value: value in values)


def a_file() -> Kind:
    """The path of a file."""
    return Kind("a file that is there", os.path.isfile)


def either(*kinds: Kind) -> Kind:
    """What one of ``kinds`` is."""
    words = " or ".join(kind.words for kind in kinds)
    return Kind(words, lambda value: any(kind.holds(value) for kind in kinds))


A_PATH = Kind("a path; leave it out for the profile's own", bool)
AUTO, NONE, EMPTY, TRUTH = one_of("auto"), one_of("none"), one_of(""), one_of("True", "False")
RATE = number(0, 1, above=True)  # no optimizer learns at more
KINDS = dict.fromkeys(
    ("SEED", "STAGE1", "FINETUNE_DATA", "EVAL_DATA", "STORE", "SIMILARITY_MODEL"), A_PATH
) | {
    "RANDOM_SEED": whole(most=2**32 - 1),
    "ON_BAD_RECORD": one_of("fail", "drop"),
    "MAX_BAD_RECORDS": number(0, 1),
    "PRETRAIN": one_of("yes", "no"),
    "CUT_LONG_SAMPLES": TRUTH,
    "NUM_GPUS": either(AUTO, whole()),
    "HOSTFILE": either(EMPTY, a_file()),
    "FEATURE_CACHE_GB": number(0, MOST),
    "SYNTH_BATCH_SIZE": whole(),
    "SYNTH_PROCESSES": whole(),
    "EXECUTOR": one_of("default", "ray"),
    "RAY_ADDRESS": Kind("HOST:PORT or local", bool),
    "V": one_of("", "0", "1"),
    "PRETRAIN_BUDGET": whole(),
    "PRETRAIN_GLOBAL_BATCH_SIZE": whole(),
    "FINETUNE_GLOBAL_BATCH_SIZE": whole(),
    "PRETRAIN_BATCH_SIZE_PER_GPU": either(AUTO, whole()),
    "FINETUNE_BATCH_SIZE_PER_GPU": either(AUTO, whole()),
    "PRETRAIN_LEARNING_RATE": RATE,
    "FINETUNE_LEARNING_RATE": RATE,
    "IMAGE_SIZE_AUX": whole(),
    "DEEPSPEED_CONFIG": either(NONE, a_file()),
    "GRADIENT_CHECKPOINTING": TRUTH,
    "DATALOADER_NUM_WORKERS": either(AUTO, whole(0)),
    "SAVE_STEPS": whole(),
    "LAUNCHER": one_of("deepspeed", "torchrun", "python"),
    "EVAL_BATCH_SIZE": whole(),
    "MMBENCH_PARSE": one_of("exact", "inferred"),
    "JOBS": whole(),
    "GPUS": either(EMPTY, whole()),
    "RATE": either(EMPTY, number(0, MOST)),
    "EFFICIENCY": either(EMPTY, number(0, 1, above=True)),
}


def faults(knobs: dict[str, str]) -> list[str]:
    """Each of ``knobs`` that is not of its kind, with what it must be."""
    return [
        f"{name}='{knobs[name]}' must be {kind.words}"
        for name, kind in KINDS.items()
        if name in knobs and not kind.holds(knobs[name])
    ]


def slips(names: Iterable[str], knobs: Iterable[str]) -> list[str]:
    """Each of ``names`` that is nearly one of ``knobs``, with that one."""
    told, knobs = [], set(knobs)
    for name in sorted(set(names) - knobs):
        near = [
            knob
            for knob in sorted(knobs)
            if min(len(name), len(knob)) >= SHORTEST
            and abs(len(name) - len(knob)) <= 1
            and len({*name} ^ {*knob}) <= 2
        ]
        if near:
            from difflib import get_close_matches  # takes as long to import as all of the rest

            told += [
                f"{name}, which is no knob; {knob} is" for knob in get_close_matches(name, near, 1, LIKE)
            ]
    return told


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        return
    knobs = dict(word.split("=", 1) for word in sys.argv[1:])
    for words in slips(os.environ, knobs):
        print(f"warning: the environment has {words}", file=sys.stderr)
    print("; ".join(faults(knobs)))


if __name__ == "__main__":
    main()
