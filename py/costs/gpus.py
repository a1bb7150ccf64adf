"""GPUs by name: peak speed and memory, from their makers' data sheets, and those of this machine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from errors import BadInput

MIB = 2**20


@dataclass(frozen=True)
class GPU:
    """``teraflops``: dense bfloat16 with float32 sums; ``memory``: bytes that nvidia-smi shows."""

    name: str
    teraflops: float
    memory: int


KNOWN = {
    name: GPU(name, teraflops, mib * MIB)
    for name, teraflops, mib in (
        ("A10", 125, 23028),
        ("A10G", 70, 23028),
        ("A30", 165, 24576),
        ("A40", 150, 46068),
        ("A6000", 155, 49140),
        ("A800", 312, 81920),
        ("A100", 312, 81920),
        ("A100-40GB", 312, 40960),
        ("H20", 148, 97871),
        ("H100", 989, 81559),
        ("H800", 989, 81559),
        ("H200", 989, 143771),
        ("L4", 121, 23034),
        ("L20", 119.5, 46068),
        ("L40", 181, 46068),
        ("L40S", 362, 46068),
        ("RTX3090", 71, 24576),
        ("RTX4090", 165, 24564),
    )
}
WITHOUT_BFLOAT16 = ("V100", "T4", "P100", "RTX2080")


def gpu(text: str) -> GPU:
    """A known GPU by name, or any as ``NAME:TERAFLOPS:GIB``; raises `BadInput` with the names otherwise.

    >>> gpu("a10").teraflops, gpu("mine:200:48").memory // 2**30
    (125, 48)
    """
    if text.upper() in WITHOUT_BFLOAT16:
        raise BadInput(f"GPU={text}: it has no bfloat16, in which the model is trained; choose a newer one")
    known = {name.upper(): one for name, one in KNOWN.items()}
    if text.upper() in known:
        return known[text.upper()]
    name, *numbers = text.split(":")
    try:
        teraflops, gib = (float(number) for number in numbers)
    except ValueError:
        raise BadInput(
            f"GPU={text} is unknown; there are {', '.join(KNOWN)}, or describe it: GPU=NAME:TERAFLOPS:GIB, "
            "teraflops dense in bfloat16"
        ) from None
    if not (teraflops > 0 and gib > 0):
        raise BadInput(f"GPU={text}: teraflops and GiB must be above 0")
    return GPU(name, teraflops, int(gib * 2**30))


def here() -> list[GPU]:
    """This machine's GPUs, as nvidia-smi names them; ``teraflops`` 0 where the name is not known.

    None where they are hidden from this process, as `count_gpus` of ``scripts/gpus.sh`` has it.
    """
    hidden = re.match("$|-", os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    if hidden or os.environ.get("DS_ACCELERATOR") == "cpu" or shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    rows = [line.rsplit(",", 1) for line in done.stdout.splitlines() if "," in line]
    return [GPU(name.strip(), teraflops_of(name), int(float(mib) * MIB)) for name, mib in rows]


def teraflops_of(name: str) -> float:
    """Peak of the GPU that nvidia-smi calls ``name``, 0 if no whole word of it is known.

    >>> teraflops_of("NVIDIA A100-SXM4-80GB"), teraflops_of("NVIDIA GeForce RTX 4090")
    (312, 165)
    """
    words = re.split("[ -]", re.sub("RTX (?=[0-9])", "RTX", name.upper().strip()))
    return next((KNOWN[word].teraflops for word in words if word in KNOWN), 0)
