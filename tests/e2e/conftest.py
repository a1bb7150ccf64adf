"""The small build, one for all tests of this folder, which add to it."""

import pytest

from builds import Build


@pytest.fixture(scope="session")
def build(pristine: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    return pristine.copy(tmp_path_factory.mktemp("project") / "small")
