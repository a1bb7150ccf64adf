"""What a server's answer says of a file: its version, its place in the whole, or why it is not there."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from errors import BadInput
from fetch.patience import Dropped
from fetch.sources import Link, public

PASSING = (408, 425, 429)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)  # no more bytes are on any disk, and Python refuses 5,000 digits


class Version(NamedTuple):
    """Bytes, strong ETag and Last-Modified of a file: what tells two versions apart; None: not said."""

    total: int | None = None
    etag: str | None = None
    modified: str | None = None


def version_of(response: httpx.Response) -> Version:
    """What ``response`` says of the whole file."""
    length = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get(
        "Content-Length", ""
    )
    etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    return Version(
        int(length) if NUMBER.fullmatch(length) else None,
        etag if re.fullmatch(r'"[!#-~]*"', etag) else None,
        modified if modified and modified.isascii() else None,  # both are sent back
    )


def check_status(response: httpx.Response, link: Link, url: str) -> None:
    """Raise for what is not the file: `Dropped` where it may come yet, else `BadInput`."""
    status, where = response.status_code, public(url)
    if status in (200, 206):
        return
    if status in (404, 410):
        raise BadInput(f"{where}: the server has no such file (HTTP {status}); {link.remedy}")
    if status in (401, 403):
        raise BadInput(f"{where}: the server refuses it (HTTP {status}); {link.on_403}; {link.remedy}")
    if status == 407:
        raise BadInput(f"{where}: the proxy wants user and password (HTTP 407); put them into HTTPS_PROXY")
    if status >= 500 or status in PASSING:
        raise Dropped(f"{where} answers HTTP {status}", asked_pause(response))
    raise BadInput(f"{where}: cannot be fetched (HTTP {status}); {link.remedy}")


def asked_pause(response: httpx.Response) -> float | None:
    """Seconds that Retry-After asks for."""
    after = response.headers.get("Retry-After", "")
    if NUMBER.fullmatch(after):
        return float(after)
    try:
        return max((parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds(), 0)
    except (TypeError, ValueError, OverflowError):
        return None


def refuse_coding(link: Link, url: str, response: httpx.Response) -> None:
    """Raise where a text comes compressed although it was not asked so: its bytes would not be the file's."""
    coding = response.headers.get("Content-Encoding", "identity")
    if coding != "identity" and not link.name.lower().endswith((".gz", ".tgz")):
        raise BadInput(
            f"{public(url)}: arrives compressed ({coding}), though asked for as it is; {link.remedy}"
        )
