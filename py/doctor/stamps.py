"""Marks that say that something is made, and what they speak of: is it as it was made?"""

from collections.abc import Iterator
from pathlib import Path

from doctor.again import again
from doctor.finding import Finding, warning
from doctor.paths import SHOWN, first, places, quoted, remove
from doctor.probes import Machine
from doctor.wanted import Wanted
from errors import BadInput
from graph import marks, outputs
from graph.leftovers import is_busy
from graph.stages import Stage


def fault_of(mark: str) -> tuple[str | None, list[Path]]:
    """What is wrong with a stage's mark, or with what it made; and the damaged marks, at which make stops."""
    path = Path(f"{mark}.made")
    try:
        made = marks.read(mark)
        tops = [] if made["outputs"]["listed"] else top_of(Path(f"{mark}.out"))
        path = Path(f"{mark}.stat")
        return outputs.output_fault(Stage(mark, tops, [], {}, [], []), made, moved=False)[0], []
    except (BadInput, LookupError, TypeError, ValueError):
        return f"{quoted(path)} is damaged", [path]


def top_of(manifest: Path) -> list[str]:
    """The folder that a set lies in that is too large to be looked at: that of the manifest's first line."""
    if not manifest.exists():
        return []
    with manifest.open(encoding="utf-8") as lines:
        name = next(lines, "  ").rstrip("\n").split(" ", 2)[2]
    return [name.partition("/")[0]] if name and not name.startswith(":/") else []


def stamps(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Marks whose outputs are missing or changed: by size and time, as make looks, not by reading them."""
    where, bad = places(wanted), []
    for folder in [Path(".venv"), where.models, where.data, *where.experiments(), where.runs]:
        found = {} if is_busy(folder) else faults_of(folder)
        if found:
            bad.append((folder, found))
    for folder, found in bad[:SHOWN]:
        damaged = [path for _, paths in found.values() for path in paths]
        remedy = [remove(damaged)] if damaged else []
        said = first(fault for fault, _ in found.values())
        yield warning("not as made", said, "; ".join([*remedy, again(folder, found, wanted)]))
    if rest := [quoted(folder) for folder, _ in bad[SHOWN:]]:
        found = f"and in {len(rest)} more folders: {first(rest)}"
        yield warning("not as made", found, "mend these first, then make doctor again")


def faults_of(folder: Path) -> dict[str, tuple[str, list[Path]]]:
    """Stage → what is wrong with it, of all that ``folder`` says are made."""
    checked = {path.stem: fault_of(str(path.with_suffix(""))) for path in sorted(folder.glob(".make/*.made"))}
    return {stage: fault for stage, fault in checked.items() if fault[0]}
