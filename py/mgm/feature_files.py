"""Vectors of one length in files, one a key: what `mgm.features` computed, for all runs on the machine.

Any number of processes read and write at once. A file is written aside and renamed, so `kill -9` leaves it
whole or absent; none is forced to the disk: what a power failure cuts short fails its checksum, like all that
is damaged, and is computed again. (SQLite takes four times as long to read and to write 87 kB.)
"""

import os
import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

CHECK_BYTES = 4
ASIDE = re.compile(r"\.\w+\.\d+\+")  # .KEY.PROCESS+
FORGOTTEN_SECONDS = 3600  # by then a file aside is one that a killed process left


class FeatureFiles:
    """Float32 vectors of ``length`` by key, in ``root/name``; all of ``root`` stays within ``limit`` bytes.

    What cannot be written, for want of room or rights, is said once, and nothing more is written: that is no
    error, since all of it can be computed.

    >>> files = FeatureFiles(Path("features"), "towers", 2, 1e9, print)  # doctest: +SKIP
    >>> files.add({"a": torch.tensor([1.5, 2.5])}); files.read("a"), files.read("b")  # doctest: +SKIP
    (tensor([1.5000, 2.5000]), None)
    """

    def __init__(self, root: Path, name: str, length: int, limit: float, say: Callable[[str], None]) -> None:
        self.root, self.folder, self.length, self.limit, self.say = root, root / name, length, limit, say
        self.size = 4 * length + CHECK_BYTES
        self.writes = True
        self.allowance = 0.0  # bytes to write before looking again how much is there
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._stop(error)

    def read(self, key: str) -> torch.Tensor | None:
        """The vector (length,) of ``key``; None if there is none, or one that is not as it was written."""
        try:
            content = bytearray((self.folder / key).read_bytes())
        except OSError:
            return None
        if len(content) != self.size or check(key, content[:-CHECK_BYTES]) != content[-CHECK_BYTES:]:
            return None
        return torch.frombuffer(content, dtype=torch.float32, count=self.length)

    def add(self, vectors: dict[str, torch.Tensor]) -> None:
        """Keep each of ``vectors`` (length,), as far as there is room."""
        for key, vector in vectors.items():
            if self.writes and self.allowance < self.size:
                self._look()
            if not self.writes:
                return
            aside, values = self.folder / f".{key}.{os.getpid()}+", vector.numpy().tobytes()
            try:
                aside.write_bytes(values + check(key, values))
                aside.replace(self.folder / key)
            except OSError as error:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)
                self._stop(error)
            self.allowance -= self.size

    def held(self) -> int:
        """Bytes in all of ``root``; what killed processes left aside is removed."""
        held = 0
        for path in self.root.glob("*/*"):
            with suppress(FileNotFoundError):  # another process has renamed it meanwhile
                status = path.stat()
                if ASIDE.fullmatch(path.name) and status.st_mtime < time.time() - FORGOTTEN_SECONDS:
                    path.unlink()
                else:
                    held += status.st_size
        return held

    def _look(self) -> None:
        """Allow a quarter of the room left: up to four processes that fill it at once stay within it."""
        room = self.limit - self.held()
        self.allowance = max(room / 4, self.size)
        if room < self.size:
            self._stop(f"{self.root} is full, {self.limit / 1e9:g} GB; remove it, or allow more")

    def _stop(self, reason: OSError | str) -> None:
        self.writes = False
        reason = reason if isinstance(reason, str) else f"{self.folder}: {reason.strerror}"
        self.say(f"features: no more are kept ({reason})")


def check(key: str, values: bytes | bytearray) -> bytes:
    """CRC-32 of key and values, so that a renamed file fails, too."""
    return zlib.crc32(values, zlib.crc32(key.encode())).to_bytes(CHECK_BYTES, "little")
