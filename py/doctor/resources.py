"""Cores, memory and shared memory, as a container's control groups leave them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from doctor.finding import Finding, error, ok, warning
from doctor.needs import SHARED_PER_WORKER, host_memory
from doctor.nvidia_smi import num_gpus
from doctor.probes import Machine
from doctor.wanted import AUTO_WORKERS, Wanted

GB = 10**9
UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2^63 for no limit


def in_groups(machine: Machine, controller: str, *names: str) -> Iterator[list[str]]:
    """The values of a control group's files ``names``, of the own group and each above it, v1 and v2."""
    for line in (machine.text("/proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = f"/sys/fs/cgroup/{controller}" if controllers else "/sys/fs/cgroup"
        group = PurePosixPath("/") / path
        for folder in (group, *group.parents):
            values = [machine.text(f"{mount}{folder}/{name}") for name in names]
            if None not in values:
                yield [word for value in values for word in value.split()]


def least(values: Iterator[list[str]]) -> float:
    """The lowest first number; infinity where none is set."""
    numbers = [int(words[0]) for words in values if words and words[0].isdigit()]
    return min((number for number in numbers if number < UNLIMITED), default=float("inf"))


def memory_limit(machine: Machine) -> float:
    files = ("memory.max", "memory.limit_in_bytes")
    return min(least(in_groups(machine, "memory", name)) for name in files)


def core_limit(machine: Machine) -> float:
    """Cores' worth of time that the control groups grant."""
    shares = [float("inf")]
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        for words in in_groups(machine, "cpu", *files):
            if len(words) == 2 and words[0].isdigit():
                shares.append(int(words[0]) / int(words[1]))
    return min(shares)


def workers(machine: Machine, wanted: Wanted) -> int:
    """Processes that load images, each GPU; auto as `resolve_workers` of scripts/train_options.sh."""
    if wanted.dataloader_num_workers != AUTO_WORKERS:
        return wanted.dataloader_num_workers
    spare = 4 if wanted.hostfile else machine.cores() // num_gpus(machine, wanted) - 1
    return max(1, min(4, spare))


def cores(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    there, granted = machine.cores(), core_limit(machine)
    usable = min(there, granted)
    text = f"{there}" + (f", of which the container grants {granted:.1f}" if granted < there else "")
    processes = num_gpus(machine, wanted)
    wishes = 1 if wanted.demo else processes * (1 + workers(machine, wanted))
    if usable < wishes:
        fewer = max(0, int(usable / processes) - 1)
        remedy = f"DATALOADER_NUM_WORKERS={fewer}, or more cores; else the GPUs wait for images"
        if wanted.demo:
            remedy = "give the container at least one core (docker run --cpus 2)"
        yield warning("cores", f"{text}; {wishes} processes would share them", remedy)
    elif granted < there / 2 and "OMP_NUM_THREADS" not in machine.environ:
        remedy = f"export OMP_NUM_THREADS={max(1, int(granted))}: torch starts a thread for each core it sees"
        yield warning("cores", text, remedy)
    else:
        yield ok("cores", text)


def memory_of(text: str) -> tuple[int, int]:
    """Bytes that /proc/meminfo calls total and available."""
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return tuple(int(values[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))


def memory(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    total, available = memory_of(machine.text("/proc/meminfo") or "")
    limit = memory_limit(machine)
    usable = min(available, limit)
    text = f"{usable / GB:.0f} GB usable of {total / GB:.0f} GB"
    text += f" (the container's limit is {limit / GB:.0f} GB)" if limit < total else ""
    if wanted.demo:
        must, takes = 1 * GB, 2 * GB  # 1.4 GB were measured, two experiments side by side
    else:
        offloads = wanted.offloads(machine.folder)
        must, takes = host_memory(num_gpus(machine, wanted), workers(machine, wanted), offloads)
        text += "; the official machine has 188 GB" if offloads else ""
    remedy = "use a machine with more memory, raise the container's limit, or end what else runs here"
    remedy += "; JOBS=1 halves the need" if wanted.demo else ""
    if usable < must:
        yield error("memory", f"{text}; {must / GB:.0f} GB is the least", remedy)
    elif usable < takes:
        yield warning("memory", f"{text}; about {takes / GB:.0f} GB are taken", remedy)
    else:
        yield ok("memory", f"{text}; about {takes / GB:.0f} GB are taken")


def shared_memory(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """/dev/shm carries the images from the workers to the training; 64 MB is a container's default."""
    all_workers = workers(machine, wanted) * num_gpus(machine, wanted)
    needed = SHARED_PER_WORKER * all_workers
    remedy = "docker run --shm-size=8g (or --ipc=host), or DATALOADER_NUM_WORKERS=0"
    folder = machine.root / "dev/shm"
    if not Path(folder).is_dir():
        level = error if needed else warning
        yield level("/dev/shm", "not there", "mount it: mount -t tmpfs tmpfs /dev/shm, or " + remedy)
        return
    space = machine.space(folder)
    free = space.f_bavail * space.f_frsize
    text = f"{free / GB:.2f} GB free; {all_workers} workers need about {needed / GB:.1f} GB"
    yield error("/dev/shm", text, remedy) if free < needed else ok("/dev/shm", text)


CHECKS = (cores, memory, shared_memory)
