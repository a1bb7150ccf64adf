"""What the driver says of the GPUs, through nvidia-smi."""

from functools import lru_cache
from typing import NamedTuple

from doctor.probes import Machine
from doctor.wanted import Wanted

# The second list is not known to every driver that is still in use.
BASIC = "index,name,uuid,driver_version,memory.total,memory.used"
MORE = "compute_cap,ecc.errors.uncorrected.volatile.total,persistence_mode,mig.mode.current,compute_mode"


class Gpu(NamedTuple):
    """A row of nvidia-smi; memory in bytes, what it does not know is ``[N/A]`` or empty."""

    index: str
    name: str
    uuid: str
    driver: str
    total: float
    used: float
    capability: str = ""
    ecc: str = ""
    persistence: str = ""
    mig: str = ""
    mode: str = ""


def query(machine: Machine, fields: str, what: str = "gpu") -> list[list[str]] | None:
    """Rows of ``nvidia-smi --query-…``; None if it does not know a field."""
    done = machine.run("nvidia-smi", f"--query-{what}={fields}", "--format=csv,noheader,nounits")
    rows = [[cell.strip() for cell in line.split(",")] for line in done.out.splitlines() if line.strip()]
    return rows if done.status == 0 else None


@lru_cache(maxsize=8)
def listed(machine: Machine) -> tuple[list[Gpu], str]:
    """The driver's GPUs, and what nvidia-smi complains of if there are none."""
    plain = machine.run("nvidia-smi")
    rows = query(machine, BASIC) if plain.status == 0 else None
    if plain.status == 0 and rows:
        more = query(machine, MORE) or [[] for _ in rows]
        rows = [[*row[:4], mebibytes(row[4]), mebibytes(row[5]), *extra] for row, extra in zip(rows, more)]  # noqa: B905
        return [Gpu(*row) for row in rows], ""
    if plain.status == 127:
        return [], "nvidia-smi: no such command"
    return [], f"nvidia-smi: {(plain.out.strip() or plain.err.strip() or 'lists no GPU').splitlines()[0]}"


def mebibytes(cell: str) -> float:
    return float(cell) * 2**20 if cell.replace(".", "").isdigit() else float("nan")


def used_by(machine: Machine, gpu: Gpu) -> str:
    """Who holds a GPU's memory: name and id of processes, as far as they can be seen from here."""
    rows = query(machine, "gpu_uuid,pid,process_name", "compute-apps") or []
    names = [f"{row[2]} ({row[1]})" for row in rows if row[0] == gpu.uuid]
    return ", ".join(names) or "processes that are not seen from here"


def usable(machine: Machine) -> int:
    """GPUs that a step may use, counted as scripts/gpus.sh does."""
    if machine.environ.get("DS_ACCELERATOR") == "cpu":
        return 0
    chosen = machine.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return len(listed(machine)[0])
    return 0 if chosen.startswith("-") else len([part for part in chosen.split(",") if part.strip()])


def num_gpus(machine: Machine, wanted: Wanted) -> int:
    """Processes on this machine: NUM_GPUS, and for auto all GPUs, without any one."""
    return wanted.num_gpus or usable(machine) or 1
