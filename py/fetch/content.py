"""Whether a file is what its name says: no web page in its place, JSON that is whole."""

import json
from pathlib import Path

from errors import BadInput
from fetch.sources import is_archive


class Refused(BadInput):
    """The content is not what it should be: a fetched copy of it is not kept."""


ASIDE = "a login or error page perhaps; check the address and the proxy"


def kind_of(name: str) -> str:
    return "archive" if is_archive(name) else "JSON" if name.lower().endswith((".json", ".jsonl")) else "file"


def looks_like_page(start: bytes) -> bool:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    return text.startswith((b"<!doctype", b"<html"))


def refuse_page(name: str, where: str, content_type: str, start: bytes) -> None:
    """Raise `BadInput` where a server sends a web page in place of ``name``."""
    if name.lower().endswith((".html", ".htm")):
        return
    if content_type.partition(";")[0].strip().lower() == "text/html" or looks_like_page(start):
        article = "an" if kind_of(name) == "archive" else "the" if kind_of(name) == "file" else ""
        wanted = f"{article} {kind_of(name)}".strip()
        raise Refused(f"{where}: not {wanted} but a web page (HTML); {ASIDE}")


def check(path: Path, name: str, where: str) -> None:
    """Raise `BadInput` where the file at ``path``, called ``name``, is a web page or broken JSON."""
    with path.open("rb") as file:
        refuse_page(name, where, "", file.read(64))
    if name.lower().endswith(".json"):
        check_json(path, where)
    elif name.lower().endswith(".jsonl"):
        check_jsonl(path, where)


def check_json(path: Path, where: str) -> None:
    try:
        # Each object is dropped once parsed: 400,000 of them would fill a gigabyte.
        json.loads(path.read_bytes(), object_hook=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where}: not valid JSON, cut short or damaged ({error}); fetch it again") from error


def check_jsonl(path: Path, where: str) -> None:
    """The first and the last line: what lies between is for the stage that reads it to judge."""
    with path.open("rb") as file:
        first = last = b""
        number = 0
        for line in file:
            if line.strip():
                number += 1
                first, last = first or line, line
    for line in (first, last):
        try:
            json.loads(line)
        except (ValueError, RecursionError) as error:
            which = "first" if line is first else f"last ({number:,}th)"
            raise Refused(
                f"{where}: its {which} line is not valid JSON, cut short or damaged ({error}); fetch it again"
            ) from error
