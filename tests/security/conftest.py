"""What the attacks share: a project with nothing built, and a mark that only an attacker's code makes."""

import os
from pathlib import Path

import pytest

from builds import Build


class Touch:
    """Unpickled without care it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.system, (f"touch '{self.mark}'",)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that an attacker's code makes where it runs."""
    return tmp_path / "mark"


@pytest.fixture
def touch(mark: Path) -> Touch:
    """An object whose pickle makes ``mark``."""
    return Touch(mark)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A copy of the project in which nothing is built, and nothing may be."""
    return Build.new(tmp_path_factory.mktemp("bare") / "project")
