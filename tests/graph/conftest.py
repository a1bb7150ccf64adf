"""One whole small build, which the tests of this folder copy before they change it."""

import pytest

from builds import Build, built


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return built(tmp_path_factory.mktemp("pristine") / "project")


@pytest.fixture
def build(pristine: Build, tmp_path) -> Build:
    return pristine.copy(tmp_path / "project")
