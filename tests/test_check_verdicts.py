"""Splits of a sweep's random seeds: how many, what they agree on, and what is refused."""

import sys

import pytest

import check_verdicts
from check_verdicts import agreements
from leaderboard.sweep import read_sweep
from sweeps import write_board


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Five random seeds of a baseline, a far better recipe and an equal one."""
    shares = {"seed": 0.3, "good": 0.95, "same": 0.3}
    return write_board(tmp_path_factory.mktemp("sweep"), shares, range(1, 6))["leaderboard"].parent


def main(monkeypatch, runs, *options):
    monkeypatch.setattr(sys, "argv", ["check_verdicts.py", "--runs", str(runs), *options])
    check_verdicts.main()


def test_every_split_of_the_seeds_counts_once_per_comparison(runs):
    rows = read_sweep(runs, ["seed", "good", "same"], list(range(1, 6))).rows
    found = agreements(rows, 3)
    assert {name for name, _ in found} == {"good", "same"}
    assert {counts.total() for counts in found.values()} == {10}  # 3 of 5
    assert found["same", "mmbench"]["undecided", "undecided"] >= 9
    assert found["good", "textvqa"]["worse", "better"] == 0


def test_it_prints_a_row_per_comparison_and_the_share_that_agrees(runs, monkeypatch, capsys):
    main(monkeypatch, runs, "--recipes", "seed", "good", "--random_seeds", *"12345", "--few", "3")
    printed = capsys.readouterr().out
    assert printed.count("good") == 3 and " of 30 verdicts agree." in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--recipes", "seed", "good", "--random_seeds", *"123456"], "seed-s6: not made yet"),
        (["--recipes", "good", "--random_seeds", *"12345"], "seed: not among --recipes"),
        (
            ["--recipes", "seed", "good", "--random_seeds", *"1234"],
            "--few 3: each side needs 2 of the 4 seeds",
        ),
    ],
)
def test_a_split_that_says_nothing_is_refused(runs, monkeypatch, options, words):
    with pytest.raises(check_verdicts.BadInput, match=words):
        main(monkeypatch, runs, *options)
