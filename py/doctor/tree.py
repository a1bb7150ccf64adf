"""What lies in the tree and should not: leftovers of killed runs, locks, outputs that are not as made.

What a running build holds is left alone. Paths are relative to the project, the folder that this runs in.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from doctor.again import forget, make
from doctor.finding import Finding, ok, warning
from doctor.listed import unlisted
from doctor.paths import first, places, quoted, remove, together
from doctor.probes import Machine
from doctor.stamps import stamps
from doctor.wanted import Wanted
from graph.leftovers import find, is_busy, is_left_of_download, is_locked
from graph.locks import owner_of
from graph.processes import alive, marked, stage_of
from graph.sizes import bytes_of, readable

TEMPORARY = re.compile(r"bsynth\.(\d+)\..+")  # scripts/synth.sh and store.sh name theirs so


def leftovers(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Files and folders that killed runs had put aside, in the project and in TMPDIR."""
    if found := find(places(wanted)):
        yield warning("left over", together(found), make("clean-leftovers", wanted))
    folder, mine = Path(machine.environ.get("TMPDIR") or "/tmp"), []
    for path in sorted(folder.glob("bsynth.*")):
        match = TEMPORARY.fullmatch(path.name)
        if match and path.lstat().st_uid == os.getuid() and not Path("/proc", match[1]).exists():
            mine.append(path)
    if mine:
        yield warning("left over", together(mine), remove(mine))


def processes(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Processes of stages whose make was killed; their lock is free."""
    lost = {pid: stage for pid in marked(f"{Path.cwd()}/") if (stage := stage_of(pid))}
    lost = {pid: stage for pid, stage in lost.items() if not is_locked(Path(f"{stage}.lock"))}
    if lost:
        stages = sorted({quoted(Path(stage).relative_to(Path.cwd())) for stage in lost.values()})
        found = f"{len(lost)} of killed runs still live: {first(stages)}"
        yield warning("processes", found, " ".join(["kill", *map(str, sorted(lost))]))


def owners(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Experiments taken by a make of another host, on which nothing here can tell whether it lives."""
    for folder in places(wanted).experiments():
        owner = owner_of(folder)
        if owner and owner["host"] != machine.host_name() and alive(owner):
            found = f"{quoted(folder)} is held by process {owner['pid']} on {quoted(owner['host'])}"
            remedy = f"wait for it; if it is gone for certain: {remove([folder / '.make/owner'])}"
            yield warning("lock", found, remedy)


def unfinished(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Experiments, models and sets whose making was begun and has not ended."""
    where = places(wanted)
    begun = {folder: begun_in(folder) for folder in where.experiments() if not is_busy(folder)}
    if begun := {folder: stages for folder, stages in begun.items() if stages}:
        told = first(f"{quoted(folder)} ({', '.join(stages)})" for folder, stages in begun.items())
        found = f"{len(begun)} ({readable(sum(map(bytes_of, begun)))}): {told}"
        remedy = f"the command that began it goes on; or forget it: {forget(begun, wanted)}"
        yield warning("unfinished", found, remedy)
    for folder, goal in ((where.models, "models"), (where.data, "data")):
        parts = [path for path in folder.glob("*.part") if not is_left_of_download(path)]
        if not is_busy(folder) and (begun_in(folder) or parts):
            told = first([*begun_in(folder), *map(quoted, parts)])
            yield warning("unfinished", f"{quoted(folder)}: {told}", make(goal, wanted))


def begun_in(folder: Path) -> list[str]:
    """Stages that have a log, and no mark."""
    logs = sorted(folder.glob(".make/*.log"))
    return [log.stem for log in logs if not log.with_suffix(".made").exists()]


def unknown(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Files and folders that no manifest lists; not where a stage is unfinished, whose they may be."""
    where, found = places(wanted), []
    for folder in [where.models, where.data, *where.experiments(), where.runs]:
        if not is_busy(folder) and not begun_in(folder):
            found += unlisted(folder)
    if found:
        yield warning("made by no rule", together(found), f"if it is not yours: {remove(found)}")


TOPICS = (leftovers, processes, owners, stamps, unfinished, unknown)


def tree(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """All of these, or that there is none."""
    clean = True
    for topic in TOPICS:
        for finding in topic(machine, wanted):
            clean = False
            yield finding
    if clean:
        yield ok("left over", "nothing; all that is made is as it was made")


CHECKS = (tree,)
