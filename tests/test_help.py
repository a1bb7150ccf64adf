"""Every script says what it does: with status 0, an example that the built demo can run, and each default."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from builds import ROOT

# One process for all: importing torch takes longer than all of the rest.
ASK = """
import argparse, contextlib, io, json, runpy, sys
told, parsers, parse = {}, [], argparse.ArgumentParser.parse_known_args
def noted(parser, *args, **options):
    parsers.append(parser)
    return parse(parser, *args, **options)
argparse.ArgumentParser.parse_known_args = noted
for script in sys.argv[1:]:
    sys.argv, output, status, path = [script, "--help"], io.StringIO(), 0, list(sys.path)
    parsers.clear()
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
    sys.path[:] = path
    own = [p for p in parsers if p.formatter_class is not argparse.ArgumentDefaultsHelpFormatter]
    options = [[a.option_strings, a.help, a.required] for p in own for a in p._actions if a.option_strings]
    told[script] = {"status": status, "text": output.getvalue(), "options": options}
print(json.dumps(told))
"""
OFF = re.compile(r"default|official: |off: |needed without")
# What follows these is written; the rest of an example must be there once the demo is built.
WRITES = ("--output", "--output_dir", "--answers_file", "--work", "--ledger", "--zip", "--store")
# Made by other targets than `make results`, by the example of another script, or fetched.
ELSEWHERE = {
    "runs/demo/leaderboard.json": "make sweep",
    "runs/demo/baseline": "make baseline",
    "runs/demo/default/submission": "scripts/submit.sh",
    "runs/demo/default/submit.zip": "scripts/submit.sh",
    "work/seed.jsonl": "py/check_seed.py",
    "work/recipe.yaml": "py/fill_recipe.py",
    "runs/demo/mine": "make results EXP=mine",
    "runs/demo/default/.make/results": "make results, with .made behind it",
    "notes/": "py/graph/make_stage.py",
    "google/gemma-2b-it": "the hub",
    "gemma-2b-it.tar.gz": "the official server",
}


def python_scripts() -> list[str]:
    paths = sorted((ROOT / "py").rglob("*.py"))
    return [str(path.relative_to(ROOT)) for path in paths if '__name__ == "__main__"' in path.read_text()]


def shell_scripts() -> list[str]:
    paths = sorted((ROOT / "scripts").rglob("*.sh"))
    # Those that others source cannot be run.
    return [str(path.relative_to(ROOT)) for path in paths if os.access(path, os.X_OK)]


@pytest.fixture(scope="module")
def told() -> dict[str, dict]:
    """What each script says to --help."""
    asked = [sys.executable, "-c", ASK, *python_scripts()]
    done = subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "py")}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for script in shell_scripts():
        one = subprocess.run(["bash", script, "--help"], cwd=ROOT, capture_output=True, text=True)
        found[script] = {"status": one.returncode, "text": one.stdout, "options": []}
    return found


def examples(script: str, text: str) -> list[list[str]]:
    """The commands of ``script`` in its help, as words."""
    lines = re.sub(r" *\\\n\s*", " ", text).splitlines()
    begins = re.compile(rf"\s*(?:[Ee]xample: )?(?:make [^|]*\| )?(?:\S*python3? )?{re.escape(script)}(?: |$)")
    # One with brackets or dots is the form of a command, not a command.
    return [
        shlex.split(line.partition("ample: ")[2] or line)
        for line in lines
        if begins.match(line) and "…" not in line
    ]


def missing(words: list[str], folder: Path) -> list[str]:
    """Paths that an example reads and that neither ``folder`` has nor another target makes."""
    read = [word for before, word in zip(["", *words], words, strict=False) if before not in WRITES]
    paths = [
        word for word in read if re.search(r"/|\.(json|jsonl|tsv|yaml|zip|gz)$", word) and "=" not in word
    ]
    ours = [path for path in paths if not path.endswith("python") and not path.startswith(tuple(ELSEWHERE))]
    return [path for path in ours if not (folder / path).exists()]


def test_every_script_answers_help_with_an_example(told, pristine):
    faults = []
    for script, said in told.items():
        commands = examples(script, said["text"])
        if said["status"]:
            faults.append(f"{script} --help: exit status {said['status']}")
        if not commands:
            faults.append(f"{script} --help: no example")
        for words in commands:
            faults += [f"{script}: its example reads {path}" for path in missing(words, pristine.folder)]
            known = {name for names, _, _ in said["options"] for name in names}
            given = {
                word
                for word in words[words.index(script) if script in words else 0 :]
                if word[:2] == "--" != word
            }
            faults += [f"{script}: no option {name}" for name in given - known if known]
    assert not faults, "\n".join(faults)
    assert len(told) > 50


def test_every_option_says_what_it_is_when_it_is_not_given(told):
    silent = [
        f"{script} {names[-1]}: {text}"
        for script, said in told.items()
        for names, text, required in said["options"]
        if names[0] != "-h" and not (text and (required or OFF.search(text)))
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("    python py/m4c.py --seed data/demo/no.jsonl --output new.json", ["data/demo/no.jsonl"]),
        ("    python py/m4c.py --seed data/demo/seed", []),
        ("    python py/m4c.py --leaderboard runs/demo/leaderboard.json", []),
    ],
)
def test_an_example_of_what_is_not_there_is_found(text, found, pristine):
    (words,) = examples("py/m4c.py", text)
    assert missing(words, pristine.folder) == found
