"""SHA-256 of what is fetched: recorded at first sight in FOLDER.sha256, compared ever after.

A line is ``SHA256  NAME  SOURCE``; without SOURCE it holds for NAME from anywhere. Known official ones are in
configs/checksums.sha256, in the same form.
"""

import hashlib
import re
from pathlib import Path

from errors import BadInput
from fetch.content import Refused
from json_files import atomic_write, read_lines
from progress import Progress

OFFICIAL = Path(__file__).resolve().parents[2] / "configs/checksums.sha256"
LINE = re.compile(r"([0-9a-f]{64})  (.+?)(?:  (.+))?")


def read(path: Path) -> list[tuple[str, str, str | None]]:
    """(sha256, name, source) of each line."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(read_lines(path), 1):
        if line and not line.startswith("#"):
            match = LINE.fullmatch(line)
            if match is None:
                raise BadInput(f"{path}:{number}: not 'SHA256  NAME  SOURCE'; mend or remove the line")
            found.append((match[1], match[2], match[3]))
    return found


def applies(of: str | None, source: str) -> bool:
    """Whether a line for the source ``of`` counts for ``source``; a hub id without revision may be any."""
    return of is None or of == source or of.split("@")[0] == source


def digest(path: Path, algorithm: str = "sha256", prefix: bytes = b"") -> str:
    """Hex digest of a file, with progress where it is long."""
    whole, progress = hashlib.new(algorithm, prefix), Progress(f"checking {path.name}", path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            whole.update(chunk)
            progress.add(len(chunk))
    return whole.hexdigest()


def check(path: Path, name: str, source: str, record: Path, listed: str | None = None) -> str:
    """The file's sha256, recorded in ``record`` at first sight.

    Raises `Refused` where it is known to be another, or where the hub has ``listed`` another digest.
    """
    found = digest(path)
    if listed is not None:
        kind, _, expected = listed.partition(":")
        own = digest(path, "sha1", b"blob %d\0" % path.stat().st_size) if kind == "git" else found
        if own != expected:
            raise Refused(f"{name}: content is {kind} {own}, but {source} lists {expected}; fetch it again")
    for place in (record, OFFICIAL):
        for known, of_name, of_source in read(place):
            if of_name == name and applies(of_source, source) and known != found:
                raise Refused(
                    f"{name}: sha256 is {found}, but {place} says {known}: damaged on the way, or another "
                    f"version; fetch it again; if {source} was renewed on purpose, remove that line"
                )
    lines = read(record)
    if not any(of_name == name and applies(of_source, source) for _, of_name, of_source in lines):
        lines.append((found, name, source))
        with atomic_write(record) as file:
            file.writelines("  ".join(part for part in line if part) + "\n" for line in lines)
    return found
