"""SHA-256 of files and folders, to say which inputs a result was made from."""

import hashlib
from pathlib import Path

from errors import BadInput


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes; of a folder, the digest of its files' names and digests in name order.

    Names beginning with a dot are left out (stamps), so a folder's digest is that of its data.
    """
    path = Path(path)
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(path).parts
            if file.is_file() and not any(part.startswith(".") for part in parts):
                whole.update(f"{'/'.join(parts)}\0{sha256(file)}\n".encode())
        return whole.hexdigest()
    if not path.is_file():
        raise BadInput(f"{path}: no such file; its SHA-256 belongs into the result")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
