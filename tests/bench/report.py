"""The benchmarks' rows as people read them: on the screen, in README.md, and as a plot of how cost grows."""

import re
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from errors import BadInput
from json_files import atomic_write


class Series(NamedTuple):
    """Rows whose names fit ``pattern``, the group of which is the size that grows."""

    panel: str
    size: str
    label: str
    pattern: str


GROWTH = (
    Series("data steps", "records", "seconds", r"records_seconds_(\d+)"),
    Series("data steps", "records", "GB", r"records_gb_(\d+)"),
    Series("one image", "pixels a side", "GFLOP, pretraining sample", r"sample_gflop_(\d+)px"),
    Series("one image", "pixels a side", "GFLOP, mining", r"mining_gflop_(\d+)px"),
    Series("one image", "pixels a side", "ms to load", r"image_ms_(\d+)px"),
    Series("evaluation", "questions at once", "questions/s", r"eval_questions_per_second_(\d+)"),
    Series("pretraining step", "samples at once", "GB, all kept", r"step_gb_all_(\d+)"),
    Series("pretraining step", "samples at once", "GB, products kept", r"step_gb_products_(\d+)"),
    Series("pretraining step", "samples at once", "GB, checkpointing", r"step_gb_inputs_(\d+)"),
)
HEADINGS = ("row", "value", "target", "goal", "holds")


def number(value: float) -> str:
    """Three digits, more only where the number is larger; thousands apart.

    >>> number(0.05612), number(1309.4), number(400_000)
    ('0.0561', '1,309', '400,000')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def measured(row: dict) -> str:
    """Value and unit."""
    return f"{number(row['value'])}{'' if row['unit'] == '×' else ' '}{row['unit']}".strip()


def limit(row: dict, field: str) -> str:
    """The target or goal of ``row`` with its direction; empty without."""
    if row[field] is None:
        return ""
    return f"{'≥' if row['higher_is_better'] else '≤'} {number(row[field])}"


def verdict(row: dict) -> str:
    """Whether the target holds, and the goal where there is one."""
    if row["holds"] is None:
        return ""
    return "no" if not row["holds"] else "yes" if row["goal_holds"] in (True, None) else "yes, not the goal"


def cells(row: dict) -> list[str]:
    return [row["name"], measured(row), limit(row, "target"), limit(row, "goal"), verdict(row)]


def told_apart(rows: list[dict]) -> list[dict]:
    """``rows`` but those of `growth`, which have a table of their own; those with a target first."""
    growing = {row["name"] for series in GROWTH for _, row in points(rows, series)}
    return sorted((row for row in rows if row["name"] not in growing), key=lambda row: row["target"] is None)


def show(rows: list[dict]) -> None:
    """Print the rows that stand for themselves."""
    table = Table(*HEADINGS, title="make bench", caption="without a target: informative")
    for row in told_apart(rows):
        table.add_row(*cells(row), style="red" if row["holds"] is False else None)
    Console().print(table, markup=False)


def markdown(rows: list[dict]) -> str:
    """The rows that stand for themselves, and where and when all were measured."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---|---:|---:|---:|---|"]
    lines += [f"| {' | '.join(cells(row))} |" for row in told_apart(rows)]
    machines: dict[str, list[str]] = {}
    for row in rows:
        note = f"{row['date'][:10]}, commit {row['commit']}"
        names = machines.setdefault(f"{row['machine']}; {note}", [])
        names += [] if row["benchmark"] in names else [row["benchmark"]]
    notes = [f"- {', '.join(names)}: {machine}" for machine, names in machines.items()]
    return "\n".join([*lines, "", "Measured on", "", *notes, ""])


def points(rows: list[dict], series: Series) -> list[tuple[int, dict]]:
    """(size, row) of ``series``, the smallest first."""
    fits = [(re.fullmatch(series.pattern, row["name"]), row) for row in rows]
    return sorted(((int(fit[1]), row) for fit, row in fits if fit), key=lambda point: point[0])


def growth(rows: list[dict]) -> str:
    """A line a series: its value at each size."""
    lines = ["| of | value | by | at each size |", "|---|---|---|---|"]
    for series in GROWTH:
        told = [f"{size:,}: {number(row['value'])}" for size, row in points(rows, series)]
        if told:
            lines.append(f"| {series.panel} | {series.label} | {series.size} | {' · '.join(told)} |")
    return "\n".join([*lines, ""])


def plot(rows: list[dict], path: Path) -> None:
    """Write the growth of all series to the SVG ``path``, a panel a kind, both axes logarithmic.

    Without any row that grows nothing is written.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot, ticker

    found = {series: points(rows, series) for series in GROWTH}
    panels = list(dict.fromkeys(series.panel for series, there in found.items() if there))
    if not panels:
        return
    size = (3.2 * len(panels), 3.2)
    figure, axes = pyplot.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for panel, axis in zip(panels, axes[0], strict=True):
        for series, there in found.items():
            if series.panel == panel and there:
                sizes, values = [size for size, _ in there], [row["value"] for _, row in there]
                axis.plot(sizes, values, "o-", label=series.label)
                axis.set(xlabel=series.size, title=panel, xscale="log", yscale="log")
                axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.xaxis.set_minor_locator(ticker.NullLocator())
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    with atomic_write(path, "wb") as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def between(text: str, mark: str, content: str, path: Path) -> str:
    """``text`` with ``content`` between the lines <!-- mark --> and <!-- /mark -->."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    if text.count(begin) != 1 or end not in text.split(begin)[1]:
        raise BadInput(f"{path}: needs the lines {begin.strip()} and {end}, once; put them back")
    before, after = text.split(begin)
    return before + begin + content + after[after.index(end) :]


def write_readme(rows: list[dict], path: Path) -> None:
    """Put the tables into ``path`` and the plot, growth.svg, beside it."""
    text = between(path.read_text(encoding="utf-8"), "bench", markdown(rows), path)
    text = between(text, "growth", growth(rows), path)
    plot(rows, path.with_name("growth.svg"))
    with atomic_write(path) as file:
        file.write(text)
