"""Build (or load, once built) DeepSpeed's optimizer for the host, take a step, say how it went as JSON.

.venv/bin/python py/doctor/build_cpu_adam.py

The training does the same in its first seconds, with the same files in TORCH_EXTENSIONS_DIR. DeepSpeed needs
a C++ compiler with OpenMP, Python.h and ninja for it, and no nvcc, with a GPU or without.
"""

import argparse
import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path

FAULT = re.compile(r"\b(fatal error|error|undefined reference|cannot find)\b")


def folder() -> Path:
    """Where torch keeps what it builds."""
    from torch.utils.cpp_extension import _get_build_directory

    return Path(_get_build_directory("cpu_adam", verbose=False))


def first_fault(text: str) -> str:
    """The compiler's first line that speaks of an error, else the last one printed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if FAULT.search(line) and not line.startswith(("[", "FAILED", "ninja:"))]
    return (named or lines[-1:] or ["no message"])[0]


def difference() -> float:
    """Largest difference between a step of the built optimizer and PyTorch's own AdamW."""
    import torch
    from deepspeed.ops.adam import DeepSpeedCPUAdam

    start = torch.linspace(-1, 1, 1001)
    ends = []
    for optimizer in (DeepSpeedCPUAdam, torch.optim.AdamW):
        weight = torch.nn.Parameter(start.clone())
        weight.grad = start.sin()
        optimizer([weight], lr=0.01, weight_decay=0.1).step()
        ends.append(weight.detach())
    return (ends[0] - ends[1]).abs().max().item()


def built() -> dict:
    """``seconds``, ``cached`` and ``folder``, or ``error`` and ``folder``."""
    from deepspeed.ops.op_builder import CPUAdamBuilder

    where = folder()
    cached = any(where.glob("*.so"))
    start = time.monotonic()
    try:
        CPUAdamBuilder().load()
    except Exception as fault:  # whatever the compiler, ninja or the loader came to: it is what is reported
        causes = [str(part) for part in (fault, fault.__cause__) if part]
        return {"error": first_fault("\n".join(causes)), "folder": str(where)}
    seconds = time.monotonic() - start
    return {"seconds": seconds, "cached": cached, "folder": str(where), "difference": difference()}


if __name__ == "__main__":
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    # As train.py does: ninja lies beside this Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        os.environ["DS_ACCELERATOR"] = "cpu"
    with contextlib.redirect_stdout(sys.stderr):
        result = built()
    print(json.dumps(result))
