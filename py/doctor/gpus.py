"""GPUs: does torch see those of the driver, do they suffice for NUM_GPUS, and do they compute?"""

import re
from collections.abc import Iterator

from doctor.finding import Finding, error, ok, warning
from doctor.nvidia_smi import listed, num_gpus, usable
from doctor.probes import Machine
from doctor.wanted import Wanted


def locked_cuda(machine: Machine) -> str:
    """The CUDA version that the lock file's torch brings, for before it is installed."""
    lock = machine.folder / "env/requirements.lock"
    found = re.search(r"^nvidia-cuda-runtime(?:-cu\d+)?==(\d+\.\d+)", lock.read_text(), re.MULTILINE)
    return found[1] if found else ""


def seen_by_torch(machine: Machine) -> list[dict]:
    return machine.torch.get("devices", [])


def presence(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Are there GPUs, and may the training use them?"""
    gpus, complaint = listed(machine)
    if wanted.demo:
        yield ok("GPU", f"not needed by the demo; {len(gpus) or 'none'} here")
    elif machine.environ.get("DS_ACCELERATOR") == "cpu":
        remedy = "unset DS_ACCELERATOR where there is a GPU: on a CPU the training takes months"
        yield warning("GPU", "DS_ACCELERATOR=cpu", remedy)
    elif gpus:
        yield ok("GPU", f"{len(gpus)}: {', '.join(sorted({gpu.name for gpu in gpus}))}")
    elif seen_by_torch(machine):
        # scripts/train_options.sh asks nvidia-smi whether to train in bfloat16.
        remedy = "install it beside the driver (docker run -e NVIDIA_DRIVER_CAPABILITIES=compute,utility)"
        yield error(
            "GPU", f"{complaint}, though torch sees a GPU; the training would not use bfloat16", remedy
        )
    else:
        remedy = "use a machine with an NVIDIA GPU and its driver (docker run --gpus all), or PROFILE=demo"
        if "mismatch" in complaint or "communicate" in complaint:
            remedy = "load the driver again: reboot, or reinstall it for this kernel"
        yield error("GPU", complaint, remedy)


def driver(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """The driver must know the CUDA version of torch's build, of which the major number counts."""
    gpus, _ = listed(machine)
    if wanted.demo or not gpus:
        return
    header = re.search(r"CUDA (?:\w+ )?Version\s*:\s*(\d+)\.(\d+)", machine.run("nvidia-smi").out)
    text = f"{gpus[0].driver}, for CUDA {header[1]}.{header[2]}" if header else gpus[0].driver
    asked = machine.torch.get("cuda", "") if machine.torch else locked_cuda(machine)
    if asked is None:
        found = f"{text}, but the torch in .venv is a build without CUDA"
        yield error("driver", found, "install it again without TORCH_INDEX: rm -r .venv; make env")
    elif header and asked and int(header[1]) < int(asked.split(".")[0]):
        remedy = f"install a driver for CUDA {asked} or newer"
        yield error("driver", f"{text}; torch is built for CUDA {asked}", remedy)
    else:
        yield ok("driver", f"{text}; torch is built for CUDA {asked or 'unknown'}")


def visible(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """GPUs that torch sees against those of the driver, and against NUM_GPUS."""
    gpus, _ = listed(machine)
    if wanted.demo or not gpus or not machine.torch or "error" in machine.torch:
        return
    chosen, count = machine.environ.get("CUDA_VISIBLE_DEVICES"), len(seen_by_torch(machine))
    by = f" (CUDA_VISIBLE_DEVICES={chosen})" if chosen is not None else ""
    text = f"torch sees {count} of {len(gpus)}{by}"
    if count == 0:
        said = machine.torch.get("said")
        remedy = "unset CUDA_VISIBLE_DEVICES" if chosen is not None else "mend the driver, see the line above"
        yield error("visible GPUs", text + (f": {said}" if said else ""), remedy)
    elif wanted.num_gpus > count and not wanted.hostfile:
        yield error("visible GPUs", f"{text}, NUM_GPUS={wanted.num_gpus}", f"NUM_GPUS={count}")
    elif count != usable(machine):
        remedy = "correct CUDA_VISIBLE_DEVICES" if by else "see what dmesg says of the others"
        yield warning("visible GPUs", text, remedy)
    else:
        yield ok("visible GPUs", f"{text}, NUM_GPUS={wanted.num_gpus or 'auto'}")


def kernels(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Capability, a product computed on each GPU, and NCCL between several."""
    devices = [] if wanted.demo else seen_by_torch(machine)
    for index, device in enumerate(devices):
        major, minor = device["capability"]
        text = f"{device['name']}, capability {major}.{minor}"
        if major < 8:
            remedy = "use a GPU of capability 8.0 or more (A10, A100, RTX 30 or newer)"
            yield error(
                f"GPU {index}", f"{text}: no bfloat16 and TF32, with which the official run trains", remedy
            )
        elif device["fault"]:
            remedy = "see what else uses it, and what dmesg says; torch and driver may not fit together"
            yield error(f"GPU {index}", f"{text}: {device['fault']}", remedy)
        else:
            yield ok(f"GPU {index}", f"{text}, computes")
    if len({device["name"] for device in devices}) > 1:
        remedy = "choose equal ones with CUDA_VISIBLE_DEVICES: the slowest and smallest decides"
        yield warning("GPU kinds", "different GPUs in one machine", remedy)
    if devices and (num_gpus(machine, wanted) > 1 or wanted.hostfile):
        yield communication(machine, num_gpus(machine, wanted))


def communication(machine: Machine, processes: int) -> Finding:
    apart = [pair for pair in machine.torch.get("no_peers", []) if max(pair) < processes]
    if not machine.torch["nccl"]:
        return error("NCCL", "this torch is built without it", "rm -r .venv; make env, without TORCH_INDEX")
    if apart:
        found = f"GPUs {apart[0][0]} and {apart[0][1]} cannot reach each other's memory"
        return warning(
            "NCCL", found, "none needed, only slower; if training hangs: export NCCL_P2P_DISABLE=1"
        )
    return ok("NCCL", "there; the GPUs reach each other's memory" if processes > 1 else "there")


CHECKS = (presence, driver, visible, kernels)
