"""Print what torch sees of the GPUs, as one JSON object. Run under .venv, here or on another host.

.venv/bin/python py/doctor/probe_torch.py
"""

import argparse
import json
import warnings


def seen() -> dict:
    """Versions, and for each GPU its capability and whether a bfloat16 product comes out right on it."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
        count = torch.cuda.device_count() if available else 0
    devices = []
    for index in range(count):
        properties = torch.cuda.get_device_properties(index)
        capability = [properties.major, properties.minor]
        devices.append({"name": properties.name, "capability": capability, "fault": fault_of(index)})
    peers = [[i, j] for i in range(count) for j in range(count) if i != j]
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "said": str(caught[0].message).splitlines()[0] if caught else "",
        "devices": devices,
        "nccl": torch.distributed.is_available() and torch.distributed.is_nccl_available(),
        "no_peers": [pair for pair in peers if not torch.cuda.can_device_access_peer(*pair)],
    }


def fault_of(index: int) -> str:
    """What goes wrong in a small product on GPU ``index``; empty if nothing does."""
    import torch

    try:
        ones = torch.ones(64, 64, dtype=torch.bfloat16, device=f"cuda:{index}")
        return "" if (ones @ ones).sum().item() == 64**3 else "a product of matrices comes out wrong"
    except RuntimeError as error:
        return str(error).splitlines()[0]


if __name__ == "__main__":
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    print(json.dumps(seen()))
