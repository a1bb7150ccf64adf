"""The process before heavy imports: accelerator, rendezvous, and what DeepSpeed may not compile."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import faults
from errors import BadInput
from json_files import read_json


def prepare_process(with_deepspeed: bool) -> None:
    """Set what DeepSpeed and torch read from the environment; needs nothing from the user.

    Under plain ``python`` DeepSpeed would look for MPI, so a single process names its own rendezvous.
    """
    # DeepSpeed builds its optimizer for offloading with ninja, which lies beside this Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # DeepSpeed reads a checkpoint's pickles with `weights_only=False`, which runs whatever code they name.
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    if os.environ.get("DS_ACCELERATOR") == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # else torch would take the GPU that DeepSpeed leaves alone

    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        os.environ.setdefault(
            "TORCHDYNAMO_DISABLE", "1"
        )  # DeepSpeed decorates unused kernels with torch.compile (3 s)
    if with_deepspeed and "RANK" not in os.environ:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        alone = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        os.environ |= {name: str(value) for name, value in alone.items()}


def end_workers_that_cannot_send() -> None:
    """End a process of the data loader whose batch finds no room in /dev/shm: else torch waits for ever."""
    from multiprocessing.queues import Queue

    def end(error: Exception, batch: object) -> None:
        print(f"train.py: {faults.told(error) or repr(error)}", file=sys.stderr, flush=True)
        os._exit(1)

    Queue._on_queue_feeder_error = staticmethod(end)


def without_deepspeed() -> None:
    """Keep DeepSpeed out, which accelerate imports where it is installed: 0.5 s, and a way to fail."""
    import accelerate.utils.other

    accelerate.utils.other.is_deepspeed_available = lambda: False


def forbid_compiling() -> None:
    """On CPU, keep DeepSpeed from building its shared-memory operator at start (35 s, and a compiler)."""
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__ = {"deepspeed_shm_comm": False}  # read by deepspeed/comm/torch.py


def deepspeed_config(path: str | Path, on_cpu: bool) -> tuple[dict[str, Any], list[str]]:
    """Read a DeepSpeed file; on CPU, without what needs a GPU or a compiler. Returns (config, notes)."""
    if not Path(path).is_file():
        raise BadInput(
            f"--deepspeed {path}: no such file; there are configs/zero2.json and configs/zero2_offload.json"
        )
    config, notes = read_json(path), []
    config["zero_allow_untested_optimizer"] = True
    if not on_cpu:
        return config, notes
    zero = config.get("zero_optimization", {})
    removed = [key for key in ("offload_optimizer", "offload_param") if zero.pop(key, None)]
    if removed:
        notes.append(
            f"{Path(path).name}: without a GPU, {' and '.join(removed)} is ignored: all is on the CPU already"
        )
    if config.pop("optimizer", None):
        notes.append(f"{Path(path).name}: the optimizer would be compiled; PyTorch's own is used on CPU")
    return config, notes
