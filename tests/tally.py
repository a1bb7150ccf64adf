"""The attacks of a run of pytest, counted by table: tried, survived, lost.

Hooks that conftest.py takes over. ``make torture`` runs every attack, those that take long too, and puts the
figures into tests/README.md.
"""

import os
import platform
import sys
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.append(str(Path(__file__).with_name("bench")))

from report import between

from json_files import atomic_write

README = Path(__file__).with_name("README.md")
BEGUN = time.time()
HEAD = "| attacks | tried | survived | lost |\n|---|---:|---:|---:|"


class Count(NamedTuple):
    """Attacks of one table; ``skipped`` those that this machine cannot try."""

    survived: int = 0
    lost: int = 0
    skipped: int = 0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("attacks")
    group.addoption("--torture", action="store_true", help="run the attacks that take long, too")
    group.addoption("--figures", action="store_true", help=f"put the counts into {README.name}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long unless it is asked for, and note each attack's table on its report.

    What is slow comes first: else the last of it would run alone, the other processes without work.
    """
    left_out = [] if config.option.torture else [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if mark := item.get_closest_marker("attack"):
            item.user_properties.append(("attack", mark.args[0]))


def count(reports: Iterable[pytest.TestReport]) -> dict[str, Count]:
    """The attacks among ``reports`` (of set-up, call and tear-down) by table, in alphabetical order."""
    tests: dict[str, list[pytest.TestReport]] = {}
    for report in reports:
        if "attack" in dict(getattr(report, "user_properties", ())):
            tests.setdefault(report.nodeid, []).append(report)
    counts: dict[str, Count] = {}
    for stages in tests.values():
        told = dict(pair for report in stages for pair in report.user_properties)
        lost = any(report.failed for report in stages)
        skipped = not lost and any(report.skipped for report in stages)
        cases = told.get("cases", 1)
        one = Count(skipped=1) if skipped else Count(cases - lost, int(lost))
        old = counts.get(told["attack"], Count())
        counts[told["attack"]] = Count(*(a + b for a, b in zip(old, one, strict=True)))
    return dict(sorted(counts.items()))


def table(counts: dict[str, Count]) -> str:
    """The counts as Markdown, with their sum."""
    rows = [*counts.items(), ("all", Count(*(sum(column) for column in zip(*counts.values(), strict=True))))]
    lines = [f"| {name} | {c.survived + c.lost:,} | {c.survived:,} | {c.lost:,} |" for name, c in rows]
    return "\n".join([HEAD, *lines])


def pytest_terminal_summary(terminalreporter: object, config: pytest.Config) -> None:
    """Print the counts, if there was an attack, and put them into the README where that is asked for."""
    told = (report for reports in terminalreporter.stats.values() for report in reports)
    counts = count(report for report in told if isinstance(report, pytest.TestReport))
    if not counts:
        return
    minutes = (time.time() - BEGUN) / 60
    terminalreporter.section("attacks")
    terminalreporter.write_line(table(counts))
    if skipped := {name: c.skipped for name, c in counts.items() if c.skipped}:
        terminalreporter.write_line(f"not tried on this machine: {skipped}")
    if config.option.figures:
        machine = f"{len(os.sched_getaffinity(0))} cores, Linux {platform.release().split('-')[0]}"
        words = f"{date.today()}, {minutes:.0f} minutes on {machine}."
        text = README.read_text(encoding="utf-8")
        with atomic_write(README) as file:
            file.write(between(text, "torture", f"{table(counts)}\n\n{words}\n", README))
