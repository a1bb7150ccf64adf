"""One small whole build, shared by the tests of this folder."""

import pytest

from builds import Build, built


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return built(tmp_path_factory.mktemp("project") / "small")
