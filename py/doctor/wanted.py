"""What is asked of the machine: the profile, and the knobs that decide what it needs."""

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path

AUTO = 0
AUTO_WORKERS = -1  # 0 is: none


@dataclass(frozen=True)
class Wanted:
    """The knobs of the Makefile that the checks read, by their names; ``auto`` is 0, of workers -1."""

    profile: str = "demo"
    num_gpus: int = AUTO
    launcher: str = "deepspeed"
    hostfile: str = ""
    deepspeed_config: str = "configs/zero2_offload.json"
    dataloader_num_workers: int = 4
    pretrain_global_batch_size: int = 256
    pretrain_batch_size_per_gpu: int = AUTO
    finetune_global_batch_size: int = 128
    finetune_batch_size_per_gpu: int = AUTO
    data: str = "data"
    models: str = "models"
    runs: str = "runs"
    store: str = "data/store.sqlite"
    feature_cache: str = "none"
    source_base: str = ""
    mirror: str = ""
    redirect_hosts: str = ""
    source: tuple[str, ...] = ()
    knobs: tuple[str, ...] = ()
    build: bool = True

    @property
    def demo(self) -> bool:
        """Whether it is the profile for two cores, without GPU, compiler and download."""
        return self.profile == "demo"

    def offloads(self, folder: Path) -> bool:
        """Whether DeepSpeed keeps the optimizer on the host, for which it compiles one."""
        if self.deepspeed_config in ("", "none"):
            return False
        zero = json.loads((folder / self.deepspeed_config).read_text()).get("zero_optimization", {})
        return zero.get("offload_optimizer", {}).get("device", "none") != "none"

    def mark(self, name: str) -> Path:
        """The stage's mark that says that the model or set ``name`` is there."""
        in_data = name == "world" or name.endswith("_set")
        return Path(self.data if in_data else self.models, ".make", f"{name}.made")


def count(text: str) -> int:
    """A whole number, or `AUTO`; argparse names the knob where it is neither."""
    if text == "auto":
        return AUTO
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is neither a whole number nor auto")
    return int(text)


def workers(text: str) -> int:
    """A whole number, or `AUTO_WORKERS`."""
    return AUTO_WORKERS if text == "auto" else count(text)


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """An option for each field of `Wanted` that has a plain value."""
    for field in fields(Wanted):
        if field.name not in ("source", "knobs", "build"):
            kind = count if isinstance(field.default, int) else str
            kind = workers if field.name == "dataloader_num_workers" else kind
            text = f"the Makefile's {field.name.upper()} (default: {field.default or 'auto or none'})"
            parser.add_argument(f"--{field.name}", type=kind, default=field.default, help=text)
