"""The estimate as people read it: a row a stage, and their sum."""

from rich.table import Table

from costs.batch import Machine
from costs.estimate import Stage
from costs.states import Memory
from costs.units import duration, scaled, size


def table_of(stages: list[Stage], machine: Machine, rate: float | None) -> Table:
    """One row a stage and their sum."""
    table = Table()
    for heading in ("", "how", "operations", "time", "each GPU", "host", "disk"):
        table.add_column(heading, justify="left" if heading in ("", "how") else "right")
    if rate is not None:
        table.add_column("price", justify="right")

    def row(name: str, note: str, stage: Stage) -> list[str]:
        memory = stage.memory
        cells = [name, note, scaled(stage.flop, "FLOP") if stage.flop else "–"]
        cells += [duration(stage.hours * 3600) if stage.hours is not None else "–"]
        cells += [size(memory.gpu) if memory else "–", size(memory.host) if memory and memory.host else "–"]
        cells += [size(stage.disk) if stage.disk else "–"]
        return cells + ([f"{price(stage.hours, machine, rate):.2f}"] if rate is not None else [])

    for stage in stages:
        table.add_row(*row(stage.name, stage.note, stage))
    table.add_section()
    table.add_row(*row("in all", "", total(stages)))
    return table


def price(hours: float | None, machine: Machine, rate: float) -> float:
    """Every GPU is paid for while any stage runs, the download too."""
    return (hours or 0) * machine.gpus * rate


def total(stages: list[Stage]) -> Stage:
    """The sums; of memory the most that any stage needs. No time where one stage's is not known."""
    known = [stage.hours for stage in stages]
    memories = [stage.memory for stage in stages if stage.memory]
    memory = Memory(max(m.gpu for m in memories), max(m.host for m in memories))
    hours = None if None in known else sum(known)
    flop, disk = sum(stage.flop for stage in stages), sum(stage.disk for stage in stages)
    return Stage("in all", flop=flop, hours=hours, memory=memory, disk=disk)
