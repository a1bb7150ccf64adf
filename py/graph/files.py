"""What a file holds, without reading it twice: as in git's index, size and times tell whether it must be.

A file's entry is ``[size, mtime_ns, ctime_ns, sha256, meaning]``. The meaning alone says whether it changed:
the digest of a recipe, a small JSON file or a Python module without comments and layout, else the sha256.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from stat import S_ISDIR

from errors import BadInput

Entry = list
CHUNK = 1 << 20


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def seen(path: str | Path) -> list[int]:
    """Size and times of the file at ``path``; raises `OSError`, `IsADirectoryError` for a folder too."""
    status = Path(path).stat()
    if S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, "is a folder, where a file is expected", str(path))
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def meaning(path: str, digest: str) -> str:
    """A digest of what the file says, whatever its comments and layout; ``digest`` where that is unknown."""
    kind = Path(path).suffix
    try:
        if kind == ".py":
            import ast

            value = ast.dump(ast.parse(Path(path).read_bytes()))
        elif kind in (".yaml", ".yml"):
            value = repr(_yaml().safe_load(Path(path).read_bytes()))
        elif kind == ".json" and Path(path).stat().st_size <= CHUNK:
            import json

            value = repr(json.loads(Path(path).read_bytes()))
        else:
            return digest
    except Exception:  # not readable as what its name says: then every byte counts
        return digest
    return hashlib.sha256(value.encode()).hexdigest()


def _yaml():
    """PyYAML from .venv: this may run under an interpreter that has nothing installed."""
    sys.path += [str(path) for path in Path(".venv/lib").glob("python3*/site-packages")]
    import yaml

    return yaml


def read_entry(path: str, old: Entry | None) -> Entry:
    """The entry of a file that a stage reads; nothing is read where ``old`` has its size and times."""
    try:
        now = seen(path)
        if old and old[:3] == now:
            return old
        digest = sha256(path)
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; correct the knob that names it, or restore it") from error
    if old and old[3] == digest:
        return [*now, digest, old[4]]
    return [*now, digest, meaning(path, digest)]


def made_entries(paths: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    """``(path, [size, mtime_ns, ctime_ns, sha256])`` of each file, in order, by several threads."""
    from concurrent.futures import ThreadPoolExecutor

    def entry(path: str) -> tuple[str, Entry]:
        now = seen(path)  # before the content: a change in between shows at the next look
        return path, [*now, sha256(path)]

    paths = iter(paths)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(paths, 1000)):  # futures for 400,000 would take more room than the files
            yield from pool.map(entry, batch)
