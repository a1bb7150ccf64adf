"""What a source is, how it is named in messages (never with its secrets), and what may stand in for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from errors import BadInput

ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")
SUBSTITUTES = {
    "gemma-2b-it": "google/gemma-2b-it (accept its licence on the hub, then set HF_TOKEN)",
    "clip-vit-large-patch14-336": "openai/clip-vit-large-patch14-336",
    "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup": (
        "laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup"
    ),
    "eval": "a folder with textvqa/ and mmbench/ from the original sites, textvqa.org and MMBench's",
}
"""Public content that is the same as an official download's, by the folder's name."""
HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")


class Source(NamedTuple):
    """One source as given: ``kind`` is url, hub or path; ``name`` the file's name behind a URL."""

    text: str
    kind: str
    name: str = ""


@dataclass(frozen=True)
class Link:
    """One file to fetch. ``digest`` is what its content must hash to (``sha256:…``, ``git:…``), if known."""

    name: str
    source: str
    urls: list[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    size: int | None = None
    digest: str | None = None
    remedy: str = ""
    on_403: str = "a login or a fresh signed address may be needed"


def public(text: str) -> str:
    """``text`` without user, password and query of the URLs in it: what may be printed and recorded.

    >>> public("http://me:secret@host/a.tar.gz?token=1 is gone")
    'http://host/a.tar.gz?… is gone'
    """
    text = re.sub(r"(?<=://)[^/?#\s]*@", "", text)
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?…", text)


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _url(text: str) -> Source:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise BadInput(f"{public(text)}: not a valid address ({error}); correct it") from error
    name = unquote(parts.path.rsplit("/", 1)[-1])
    if (
        not parts.hostname
        or not name
        or name.startswith(".")
        or not re.fullmatch(r"[^/\\\x00-\x1f\x7f]+", name)
    ):
        raise BadInput(f"{public(text)}: the address names no file; give the whole address of one")
    return Source(text, "url", name)


def parse(text: str) -> Source:
    """The source that ``text`` names; raises `BadInput` where it is none."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme and scheme[1].lower() in ("http", "https"):
        return _url(text)
    if scheme:
        raise BadInput(
            f"{public(text)}: {scheme[1]}:// is not supported; give http, https, a hub id or a path"
        )
    if Path(text).exists():
        return Source(text, "path")
    if HUB_ID.fullmatch(text):
        return Source(text, "hub")
    raise BadInput(
        f"{text}: neither a URL, nor a path that exists, nor a hub id (owner/name, owner/name@revision)"
    )


def addresses(url: str, base: str, mirror: str) -> list[str]:
    """``url``, and where it lies under ``base``, the same file under ``mirror``."""
    base, mirror = base.rstrip("/"), mirror.rstrip("/")
    if mirror and base and url.startswith(f"{base}/"):
        return [url, mirror + url.removeprefix(base)]
    return [url]
