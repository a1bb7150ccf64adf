"""Memory of each GPU and who uses it, memory errors, MIG, compute mode, persistence."""

from collections.abc import Iterator

from doctor.finding import Finding, error, ok, warning
from doctor.hosts import processes_of
from doctor.needs import gpu_memory
from doctor.nvidia_smi import listed, num_gpus, used_by
from doctor.probes import Machine
from doctor.wanted import Wanted

GB = 10**9


def gigabytes(count: float) -> str:
    """``count`` bytes for people; some GPUs share the host's memory and tell nothing."""
    return "unknown" if count != count else f"{count / GB:.0f} GB"


def memory(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    if wanted.demo:
        return
    must, takes = gpu_memory(processes_of(machine, wanted), wanted.offloads(machine.folder))
    for gpu in listed(machine)[0]:
        what, text = f"GPU {gpu.index} memory", gigabytes(gpu.total)
        less = "PRETRAIN_BATCH_SIZE_PER_GPU=1, or a larger GPU"
        if not wanted.offloads(machine.folder):
            less = "DEEPSPEED_CONFIG=configs/zero2_offload.json, or a larger GPU"
        if gpu.total < must:
            yield error(what, f"{text}; {must / GB:.0f} GB is the least", less)
        elif gpu.total < takes:
            yield warning(what, f"{text}; about {takes / GB:.0f} GB are taken", less)
        elif gpu.used > 1.5 * GB:
            remedy = "end them, or choose another GPU with CUDA_VISIBLE_DEVICES"
            yield warning(what, f"{text}, {gigabytes(gpu.used)} in use by {used_by(machine, gpu)}", remedy)
        else:
            yield ok(what, f"{text}, {gigabytes(gpu.used)} in use; about {takes / GB:.0f} GB are taken")


def state(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Memory errors, MIG, compute mode and persistence."""
    if wanted.demo:
        return
    for gpu in listed(machine)[0]:
        what, sound = f"GPU {gpu.index} state", True
        if gpu.ecc.isdigit() and int(gpu.ecc):
            sound = False
            remedy = "choose another GPU, and have this one reset and looked at"
            yield warning(what, f"{gpu.ecc} memory errors that could not be corrected", remedy)
        if gpu.mig == "Enabled":
            sound = False
            level = error if num_gpus(machine, wanted) > 1 else warning
            remedy = "NUM_GPUS=1, with CUDA_VISIBLE_DEVICES=MIG-…; or have MIG switched off"
            yield level(what, "MIG: a process sees one slice, and slices cannot train together", remedy)
        if gpu.mode in ("Prohibited", "Exclusive_Process"):
            sound = False
            level = error if gpu.mode == "Prohibited" else warning
            yield level(
                what, f"compute mode {gpu.mode}", f"have it set: nvidia-smi -i {gpu.index} -c DEFAULT"
            )
        if gpu.persistence == "Disabled":
            sound = False
            remedy = f"have it set: nvidia-smi -i {gpu.index} -pm 1; each start costs seconds otherwise"
            yield warning(what, "persistence mode is off", remedy)
        if sound:
            yield ok(what, "no memory errors, whole, shared" if gpu.mode else "not told by this driver")


CHECKS = (memory, state)
