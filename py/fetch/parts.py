"""What was fetched of a file: it outlives interruptions, and never holds pieces of two versions.

Beside a part ``NAME`` lies ``.NAME.from``, JSON: which source and address it is from, and the version there.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import httpx

from fetch.patience import Dropped
from fetch.responses import Version
from fetch.sources import Link, public
from json_files import write_json


@dataclass(frozen=True)
class Part:
    """A file being fetched: ``path`` grows, ``note`` says what it is a part of."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path.with_name(f".{self.path.name}.from")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def discard(self) -> None:
        """Content first: a part without a note is no part, a note without content does no harm."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def begin(self, link: Link, url: str, version: Version) -> None:
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        about = {"source": link.source, "url": public(url), "digest": link.digest}
        write_json(self.note, about | version._asdict())

    def finish(self) -> None:
        """Note that all is there, also where the server did not say how much that is."""
        write_json(self.note, json.loads(self.note.read_text()) | {"total": self.size})

    def held(self, link: Link) -> tuple[dict, Version] | None:
        """What the part is of, if it is of ``link``."""
        try:
            about = json.loads(self.note.read_text())
            version = Version(*(about[name] for name in Version._fields))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if (
            not self.path.is_file()
            or about.get("source") != link.source
            or about.get("digest") != link.digest
        ):
            return None
        return about, version

    def whole(self, link: Link) -> bool:
        """Whether everything of ``link`` is there already."""
        held = self.held(link)
        return held is not None and held[1].total == self.size


def range_headers(link: Link, url: str, part: Part) -> dict[str, str]:
    """Headers that ask for the rest of ``part``; none where two versions could get mixed."""
    held = part.held(link)
    if held is None or not part.size:
        return {}
    about, version = held
    same_address = about["url"] == public(url)
    validator = version.etag or (version.modified if same_address else None)
    if link.digest:  # what is wrong would be noticed
        return {"Range": f"bytes={part.size}-"}
    return {"Range": f"bytes={part.size}-", "If-Range": validator} if validator else {}


def check_continues(response: httpx.Response, link: Link, part: Part, version: Version) -> Version:
    """The version, as far as it was ever said; raises, the part gone, where the piece does not follow."""
    held = part.held(link)
    start = re.match(r"bytes (\d{1,18})-", response.headers.get("Content-Range", ""))
    before = held[1] if held else Version()
    clash = (
        held is None
        or start is None
        or int(start[1]) != part.size
        or (version.total is not None and before.total is not None and version.total != before.total)
        or (version.etag is not None and before.etag is not None and version.etag != before.etag)
    )
    if clash:
        part.discard()
        raise Dropped("the server sent another piece or version than asked for; it starts anew")
    return version._replace(total=before.total if version.total is None else version.total)
