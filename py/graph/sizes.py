"""How much room files take on disk, and how people read it."""

import os
from pathlib import Path


def bytes_of(path: str | Path) -> int:
    """Bytes on disk of a file or of everything in a folder; links are not followed, hard links count once."""
    seen: set[tuple[int, int]] = set()

    def add(status: os.stat_result) -> int:
        if status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in seen:
                return 0
            seen.add((status.st_dev, status.st_ino))
        return status.st_blocks * 512

    path = Path(path)
    if path.is_symlink() or not path.is_dir():
        return add(path.lstat()) if path.is_symlink() or path.exists() else 0
    return sum(add(os.lstat(Path(folder, name))) for folder, _, names in os.walk(path) for name in names)


def readable(count: int) -> str:
    """``count`` bytes in the unit that a person would choose, powers of 1,000.

    >>> readable(0), readable(999), readable(1_234_567)
    ('0 B', '999 B', '1.2 MB')
    """
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"
