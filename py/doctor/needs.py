"""How much a profile needs, roughly: disk, files, and memory of host and GPU."""

from costs.sizes import MODELS, PROFILES, set_sizes
from costs.states import HOST_FACTOR, MGM_2B, MGM_2B_TRAINED, checkpoint_bytes, state_bytes

GB = 10**9
FILES = {
    "demo": {"world": 6_000},
    "10k": {"seed_set": 11_000, "finetune_set": 13_000, "eval_set": 35_000},
    "full": {"seed_set": 410_000, "finetune_set": 250_000, "eval_set": 35_000},
}
SHARED_PER_WORKER = 100 * 10**6  # three batches in flight of four images of 336² and 768² pixels in float32


def needed_bytes(profile: str, what: str) -> int:
    """Room on disk for a model, a ``…_set``, ``env``, a ``run``, the ``store`` or ``tmp``."""
    if what in MODELS and profile in PROFILES:
        return int(MODELS[what])
    if what.endswith("_set"):
        return int(set_sizes(PROFILES[profile])[what.removesuffix("_set")])
    small = {"env": 7.2, "standins": 0.1, "world": 0.1, "tmp": 0.5}
    run = checkpoint_bytes(MGM_2B_TRAINED, MGM_2B) / GB
    large = {"run": 0.5, "store": 0.1} if profile == "demo" else {"run": run, "store": 1.0}
    return int(GB * (small | large)[what])


def needed_files(profile: str, what: str) -> int:
    """Files that come with ``what``, folders included."""
    return 65_000 if what == "env" else FILES[profile].get(what, 100)


def host_memory(processes: int, workers: int, offloads: bool) -> tuple[float, float]:
    """Bytes on one host without which finetuning cannot end, and bytes that it takes comfortably.

    Offloaded, the weights in float32, their gradients and Adam's two moments lie on the host, pinned.
    """
    states = state_bytes(MGM_2B, MGM_2B_TRAINED, processes, offloads).host
    return states / HOST_FACTOR, states + processes * workers * 0.7 * GB


def gpu_memory(processes: int, offloads: bool) -> tuple[float, float]:
    """Bytes on each GPU without which finetuning cannot start, and bytes for one sample at a time."""
    states = state_bytes(MGM_2B, MGM_2B_TRAINED, processes, offloads).gpu
    return states + 5 * GB, states + 8 * GB  # CUDA, and with checkpointing one short or two long samples
