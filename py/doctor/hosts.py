"""Processes of a training: the hosts of HOSTFILE, and the batch that all share."""

import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from doctor.finding import Finding, error, ok, warning
from doctor.nvidia_smi import num_gpus
from doctor.probes import Done, Machine, last_json
from doctor.wanted import Wanted

LINE = re.compile(
    r"^(\w[\w.:@-]*)\s+slots=(\d+)", re.ASCII
)  # as DeepSpeed reads it; ssh would take -o… as its own
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5")


def slots_of(machine: Machine, path: str) -> tuple[dict[str, int], list[str]]:
    """Host → processes there, and what is wrong with the file."""
    try:
        lines = (machine.folder / path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        return {}, [f"{path}: {getattr(fault, 'strerror', None) or fault}"]
    slots, faults = {}, []
    for number, line in enumerate(map(str.strip, lines), start=1):
        found = LINE.match(line)
        if not line or line.startswith("#"):
            continue
        if not found or not int(found[2]):
            faults.append(f"{path}:{number}: '{line}' is not 'HOST slots=NUMBER'")
        elif found[1] in slots:
            faults.append(f"{path}:{number}: {found[1]} stands twice")
        else:
            slots[found[1]] = int(found[2])
    return slots, faults or ([] if slots else [f"{path}: no host in it"])


def processes_of(machine: Machine, wanted: Wanted) -> int:
    """Processes of a training, over all hosts."""
    if wanted.launcher == "python":
        return 1
    slots = slots_of(machine, wanted.hostfile)[0] if wanted.hostfile else {}
    return sum(slots.values()) or num_gpus(machine, wanted)


def hosts(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    if not wanted.hostfile:
        return
    slots, faults = slots_of(machine, wanted.hostfile)
    for fault in faults:
        yield error("hostfile", fault, "write one 'HOST slots=NUMBER_OF_GPUS' a line")
    if wanted.launcher != "deepspeed":
        yield error("hostfile", f"LAUNCHER={wanted.launcher} does not read it", "LAUNCHER=deepspeed")
    if len(slots) > 1 and machine.which("pdsh") is None:
        yield error(
            "pdsh", "missing; DeepSpeed starts the other hosts through it", "install pdsh on this host"
        )
    if slots and machine.which("ssh") is None:
        yield error("ssh", "missing", "install openssh-client")
        return
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = pool.map(lambda host: ask(machine, host), slots)
        for host, answer in zip(slots, answers):  # noqa: B905 - one answer a host
            yield judge(machine, host, slots[host], answer)


def ask(machine: Machine, host: str) -> Done:
    """What torch sees on ``host``, in the folder of this project's name there."""
    there = f"cd {shlex.quote(str(machine.folder))} && .venv/bin/python py/doctor/probe_torch.py"
    return machine.run(*SSH, host, there, seconds=120)


def judge(machine: Machine, host: str, slots: int, answer: Done) -> Finding:
    what, folder = f"host {host}", machine.folder
    there = last_json(answer.out)
    if answer.status in (255, 124):
        remedy = "start it, or take its line out of HOSTFILE"
        if "Permission denied" in answer.err:
            remedy = f"let this user in without a password: ssh-copy-id {host}"
        elif "Host key verification" in answer.err:
            remedy = f"once by hand: ssh {host}, and compare its key"
        return error(what, f"not reachable by ssh: {answer.said()}", remedy)
    if answer.status or there is None:
        remedy = f"put the project at {folder} on each host (a shared folder is best), and run make env there"
        return error(what, answer.said(), remedy)
    mine = machine.torch.get("torch")
    if mine and there["torch"] != mine:
        return error(what, f"torch {there['torch']} there, {mine} here", f"make env in {folder} there")
    count, faulty = len(there["devices"]), [device for device in there["devices"] if device["fault"]]
    if faulty:
        return error(what, f"{faulty[0]['name']}: {faulty[0]['fault']}", "see what dmesg says there")
    if count < slots:
        found = f"torch sees {count} GPUs there, HOSTFILE gives it slots={slots}"
        return error(what, found, f"slots={count}, or mend its driver" if count else "mend its driver")
    text = f"answers, torch {there['torch']}, {count} GPUs for {slots} slots"
    return ok(what, text) if mine else warning(what, text, "make env here too: the versions must be equal")


def batches(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Batch per GPU × GPUs must divide the global batch; the trainings would refuse, after the synthesis."""
    count = processes_of(machine, wanted)
    for stage in ("PRETRAIN", "FINETUNE"):
        whole = getattr(wanted, f"{stage.lower()}_global_batch_size")
        given = getattr(wanted, f"{stage.lower()}_batch_size_per_gpu")
        each = given or 1
        text = f"{given or 'auto'} per GPU × {count} of {whole}"
        if whole % (each * count):
            remedy = f"choose NUM_GPUS and {stage}_BATCH_SIZE_PER_GPU so that their product divides {whole}"
            yield error(f"{stage.lower()} batch", text, remedy)
        else:
            rest = f"; accumulation {whole // (each * count)}" if given else ""
            yield ok(f"{stage.lower()} batch", text + rest)


CHECKS = (hosts, batches)
