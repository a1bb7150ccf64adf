"""After each of its runs a sweep says how many are made, and the time gone and left at that pace."""

import sys

import pytest

from graph import sweep_progress
from sweeps import write_mark


@pytest.fixture
def progress(tmp_path, monkeypatch, capsys):
    """A function: what is printed 600 s after a sweep's start, of runs made at those times since it."""
    start = 1000.0
    monkeypatch.setattr(sweep_progress.time, "time", lambda: start + 600)

    def told(*made_at, broken=False):
        marks = []
        for number, since in enumerate(made_at):
            folder = tmp_path / f"seed-s{number}"
            marks += [str(folder / ".make" / "results")]
            if since is not None:
                write_mark(folder, "results", number, {})
                path = folder / ".make" / "results.made"
                path.write_text(path.read_text().replace('"started": 0.0', f'"started": {start + since}'))
        if broken:
            path.write_text("{")
        monkeypatch.setattr(sys, "argv", ["sweep_progress.py", "--started", str(start), *marks])
        sweep_progress.cli.run(sweep_progress.main)
        return capsys.readouterr().out

    return told


@pytest.mark.parametrize(
    "made_at, words",
    [
        ([None, None], "[sweep] 2 runs to make"),
        ([100, None, None, None], "[sweep] 1 of 4 runs made in 10 min 0 s, about 30 min 0 s left"),
        ([0, 300, 590, None], "[sweep] 3 of 4 runs made in 10 min 0 s, about 3 min 20 s left"),
        ([100, 200], "[sweep] 2 of 2 runs made in 10 min 0 s"),
        ([-5, 200], "[sweep] 1 of 2 runs made in 10 min 0 s, about 10 min 0 s left"),
    ],
)
def test_runs_made_since_the_start_give_the_pace(progress, made_at, words):
    assert progress(*made_at) == f"{words}\n"


def test_a_damaged_mark_is_named_without_a_traceback(progress):
    with pytest.raises(SystemExit, match=r"seed-s0/\.make/results\.made: not readable as a mark"):
        progress(1, broken=True)
