"""Disk space, asked before anything is written: what is needed against what is free."""

import os
import shutil
from pathlib import Path

from errors import BadInput
from graph.sizes import readable

UNPACKED = 1.3
"""Estimate of unpacked by packed size: gzip hardly shrinks JPEGs, and weights by about this."""


def existing(path: Path) -> Path:
    """The lowest folder at or above ``path`` that is there."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def remedy(folder: Path) -> str:
    return f"free some room ('make du' shows what takes it), or link {folder.parent} to a larger disk"


def check(folder: Path, needed: int, what: str, files: int = 0) -> None:
    """Raise `BadInput` where ``needed`` bytes, or ``files``, are more than the disk has free."""
    disk = existing(folder)
    free, table = shutil.disk_usage(disk).free, os.statvfs(disk)
    if needed > free:
        sizes = f"{what} need about {readable(needed)}, {disk} has {readable(free)} free"
        raise BadInput(f"{folder}: no space: {sizes}; {remedy(folder)}")
    if table.f_files and files > table.f_favail:
        sizes = f"{what} are {files:,}, {disk} takes {table.f_favail:,} more files"
        raise BadInput(f"{folder}: no space: {sizes}; {remedy(folder)}")
