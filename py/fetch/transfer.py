"""One file from the first of its addresses that gives it, continued after each cut."""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

import httpx

from errors import BadInput
from fetch.client import opened
from fetch.content import refuse_page
from fetch.parts import Part, check_continues, range_headers
from fetch.patience import Dropped, Patience, Unreachable, persist
from fetch.responses import check_status, refuse_coding, version_of
from fetch.sources import Link, public
from graph.sizes import readable
from progress import Progress, say

T = TypeVar("T")


def size_of(client: httpx.Client, link: Link, patience: Patience) -> int | None:
    """Bytes of the whole file, if its server says; raises where it cannot be had at all."""
    if link.size is not None:
        return link.size

    def ask(url: str) -> int | None:
        with opened(client, "HEAD", url, link.headers, link.hosts) as response:
            if response.status_code == 200 and (total := version_of(response).total) is not None:
                refuse_page(link.name, public(url), response.headers.get("Content-Type", ""), b"")
                return total
        with opened(client, "GET", url, link.headers, link.hosts) as response:  # not every server knows HEAD
            check_status(response, link, url)
            return version_of(response).total

    return first_of(link, patience, lambda url, some: persist(link.name, some, lambda: ask(url)))


def first_of(link: Link, patience: Patience, action: Callable[[str, Patience], T]) -> T:
    """``action`` on the first address that has the file; while others are left, one further try is enough."""
    faults: list[BadInput] = []
    for number, url in enumerate(link.urls, 1):
        last = number == len(link.urls)
        try:
            return action(url, patience if last else patience._replace(retries=min(patience.retries, 1)))
        except BadInput as error:
            faults.append(error)
            if not last:
                say(f"{error}; trying {public(link.urls[number])}")
    words = "; ".join(map(str, faults))
    if not any(isinstance(fault, Unreachable) for fault in faults):
        raise BadInput(words)
    raise Unreachable(f"{words}; what was fetched is kept: run again to continue, or {link.remedy}")


def fetch(client: httpx.Client, link: Link, part: Part, patience: Patience) -> None:
    """Fetch ``link`` into ``part``, continuing what is there; returns when all of it is."""
    if part.whole(link):
        say(f"{link.name}: {readable(part.size)}, fetched before")
        return

    def get(url: str, some: Patience) -> None:
        persist(link.name, some, lambda: attempt(client, link, url, part), lambda: part.size)

    first_of(link, patience, get)
    part.finish()


def attempt(client: httpx.Client, link: Link, url: str, part: Part) -> None:
    """One request for what is missing, written as it comes."""
    wanted = range_headers(link, url, part)
    with opened(client, "GET", url, {**link.headers, **wanted}, link.hosts) as response:
        if response.status_code == 416 and wanted:
            part.discard()
            raise Dropped("what is here is no part of the file there; it starts anew")
        check_status(response, link, url)
        version, chunks = version_of(response), response.iter_raw()
        if response.status_code == 206:
            version = check_continues(response, link, part, version)
        else:
            first = next(chunks, b"")
            refuse_page(link.name, public(url), response.headers.get("Content-Type", ""), first)
            refuse_coding(link, url, response)
            if part.size:
                say(f"{link.name}: starts anew (another version, or a server that does not continue)")
            part.begin(link, url, version)
            chunks = chain((first,), chunks)
        write(chunks, part, link.name, version.total)
    if version.total is not None and part.size != version.total:
        raise Dropped(f"cut at {part.size:,} of {version.total:,} bytes")
    if version.total is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
        say(f"{link.name}: the server does not say how long it is: a cut would go unnoticed here")


def write(chunks: Iterator[bytes], part: Part, name: str, total: int | None) -> None:
    """Append ``chunks`` to the part, with progress."""
    progress = Progress(name, total, part.size)
    held = f", {readable(part.size)} of it here already" if part.size else ""
    say(f"fetching {name}: {'size unknown' if total is None else readable(total)}{held}")
    with part.path.open("ab", buffering=0) as file:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
            progress.add(len(chunk))
        os.fsync(file.fileno())
    progress.end()
