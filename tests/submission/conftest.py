"""A fabricated run, and the submissions made from it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from make_submission import main
from pack_submission import pack
from submissions import write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A function that makes the submission of a run, and gives its folder."""

    def submission(
        run: Path, *flags: str, profile: str = "full", name: str = "submission", recipe: str = "recipe.yaml"
    ) -> Path:
        base, output = run.parents[2], run.parents[2] / name
        words = ["--run", run, "--profile", profile, "--experiment", run.name, "--seed", base / "seed.jsonl"]
        words += ["--recipe", base / recipe, "--output", output, *flags]
        monkeypatch.setattr("sys.argv", ["make_submission.py", *map(str, words)])
        main()
        return output

    return submission


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip without faults, in the offline layout."""
    base = tmp_path_factory.mktemp("offline")
    run = write_run(base)
    with pytest.MonkeyPatch.context() as patch:
        words = ["--run", run, "--profile", "full", "--experiment", "mine", "--seed", base / "seed.jsonl"]
        words += ["--recipe", base / "recipe.yaml", "--output", base / "submission", "--offline"]
        patch.setattr("sys.argv", ["make_submission.py", *map(str, words)])
        main()
    pack(base / "submission", base / "submit.zip")
    return base / "submit.zip"
