"""No script or module that a stage uses is missing from what the Makefile says that it reads."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from graph.stages import Stage, described

ROOT = Path(__file__).resolve().parents[2]


def stages(profile: str) -> list[Stage]:
    makes_own = ("MAKE", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(makes_own)}
    command = ["make", "-n", "-j1", "DESCRIBE=yes", f"PROFILE={profile}", "results", "text-only", "models"]
    command += ["data", "synth-report", "sweep", "RECIPES=seed recaption", "RANDOM_SEEDS=1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return described(done.stdout.splitlines())


def modules(name: str) -> list[str]:
    """Files of the module ``name`` of py/ and of the packages around it, as paths from the project."""
    parts = name.split(".")
    found = [Path("py", *parts).with_suffix(".py"), Path("py", *parts, "__init__.py")]
    found += [Path("py", *parts[:depth], "__init__.py") for depth in range(1, len(parts))]
    return [str(path) for path in found if (ROOT / path).is_file()]


def used_by(path: str) -> set[str]:
    """Scripts and modules that the file at ``path`` imports, sources or starts."""
    text = (ROOT / path).read_text()
    if path.endswith(".sh"):
        prose = r"^\s*#.*?$|== \S+|<<'?USAGE'?\n.*?^USAGE$"
        words = re.findall(r"[\w./-]+\.(?:py|sh)\b", re.sub(prose, "", text, flags=re.M | re.S))
        folders = ("py", "scripts", "scripts/eval")
        places = [Path(folder, Path(word).name) for word in words for folder in folders]
        return {str(place) for place in places if (ROOT / place).is_file()}
    if not path.endswith(".py"):
        return set()
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {file for name in names for file in modules(name)}


@pytest.mark.parametrize("profile", ["demo", "10k"])
def test_each_stage_names_all_the_code_that_it_uses(profile):
    for stage in stages(profile):
        for path in stage.reads:
            missing = used_by(path) - set(stage.reads)
            assert not missing, f"{stage.name}: {path} uses {sorted(missing)}"


@pytest.mark.parametrize("profile", ["demo", "10k"])
def test_each_stage_is_described_once_after_its_inputs(profile):
    seen = set()
    for stage in stages(profile):
        assert set(stage.inputs) <= seen, stage.name
        assert stage.mark not in seen and stage.makes
        seen.add(stage.mark)
