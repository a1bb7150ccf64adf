import pytest

from run_data_juicer import leave_out_ray, refuse_installation


def test_a_missing_package_is_an_error_and_no_download():
    leave_out_ray()
    refuse_installation()
    from data_juicer.utils.lazy_loader import LazyLoader

    missing = LazyLoader("no_such_package")
    with pytest.raises(
        ImportError, match=r"needs the Python package no_such_package; add it to env/requirements\.in"
    ):
        missing.anything  # noqa: B018
