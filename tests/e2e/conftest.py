"""The small build, one for all tests of this folder, which add to it."""

import pytest

from builds import Build
from forks import Forks


@pytest.fixture(scope="session")
def build(pristine: Build, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Build:
    build = pristine.copy(tmp_path_factory.mktemp("project") / "small")
    build.fork_from(forks)
    return build
