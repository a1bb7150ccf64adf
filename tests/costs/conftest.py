"""The true MGM-2B without weights."""

import pytest


@pytest.fixture(scope="session")
def mgm_2b():
    """Shared: each use sets trainable parameters and checkpointing for itself."""
    from costs.shapes import mgm_config, on_meta

    return on_meta(mgm_config())
