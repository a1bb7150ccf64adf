import pytest

from run_data_juicer import leave_out_ray, progress_line, refuse_installation, show_progress


def test_a_missing_package_is_an_error_and_no_download():
    leave_out_ray()
    refuse_installation()
    from data_juicer.utils.lazy_loader import LazyLoader

    missing = LazyLoader("no_such_package")
    with pytest.raises(
        ImportError, match=r"needs the Python package no_such_package; add it to env/requirements\.in"
    ):
        missing.anything  # noqa: B018


def test_progress_says_how_far_how_fast_and_how_long(capsys):
    assert (
        progress_line("x_mapper", 500, 2000, 10.0)
        == "x_mapper: 500 of 2000 records, 50.0 a second, 0:00:30 left"
    )
    assert progress_line("x_mapper", 0, 2000, 0.0) == "x_mapper: 0 of 2000 records, 0.0 a second"


def test_bars_of_datasets_become_lines_at_most_every_ten_seconds(monkeypatch):
    import io
    import sys

    from datasets.utils import tqdm

    monkeypatch.setattr(tqdm, "display", tqdm.display)
    monkeypatch.setattr(sys, "__stderr__", io.StringIO())
    show_progress()
    bar = tqdm(total=100, desc="x_mapper_process (num_proc=2)")
    for seconds in (1, 11, 12, 22):
        monkeypatch.setattr(
            tqdm,
            "format_dict",
            property(lambda bar, s=seconds: {"n": s, "total": 100, "elapsed": s, "prefix": bar.desc}),
        )
        bar.display()
    lines = [line for line in sys.__stderr__.getvalue().splitlines() if line]
    assert lines == [
        "run_data_juicer.py: x_mapper: 11 of 100 records, 1.0 a second, 0:01:29 left",
        "run_data_juicer.py: x_mapper: 22 of 100 records, 1.0 a second, 0:01:18 left",
    ]
