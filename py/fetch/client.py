"""HTTP as downloads need it: redirects stay on their host, and each fault is said in words.

Proxies come from the usual environment variables (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).
"""

import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpx

from errors import BadInput
from fetch.sources import public
from progress import say

MOST_REDIRECTS = 10
LONGEST_PAUSE = 60.0
T = TypeVar("T")


class Dropped(Exception):
    """A fault that may pass: worth another try, after ``pause`` seconds where the server asks for that."""

    def __init__(self, words: str, pause: float | None = None) -> None:
        super().__init__(words)
        self.pause = pause


class Unreachable(BadInput):
    """Tried often enough; another address of the same file may still do."""


class Patience(NamedTuple):
    """How long to wait: seconds of silence, tries without progress, seconds before the second try."""

    timeout: float = 60
    retries: int = 5
    pause: float = 1


def new_client(patience: Patience) -> httpx.Client:
    """A client that follows no redirect by itself and asks for files as they are, not compressed again."""
    limits = httpx.Timeout(patience.timeout, connect=min(patience.timeout, 20))
    headers = {"Accept-Encoding": "identity", "User-Agent": "better-synth"}
    try:
        return httpx.Client(timeout=limits, headers=headers)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        words = public(str(error))
        raise BadInput(
            f"a proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: {words}; correct it"
        ) from error
    except OSError as error:
        raise BadInput(
            f"the certificates in SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}"
        ) from error


def persist(
    what: str, patience: Patience, action: Callable[[], T], gained: Callable[[], int] = lambda: 0
) -> T:
    """``action``, tried again after `Dropped` with growing pauses; what is ``gained`` resets the count."""
    failures, best = 0, gained()
    while True:
        try:
            return action()
        except Dropped as error:
            if (now := gained()) > best:
                failures, best = 0, now
            failures += 1
            if failures > patience.retries:
                raise Unreachable(f"{what}: {error}") from error
            pause = min(error.pause or patience.pause * 2 ** (failures - 1), LONGEST_PAUSE)
            say(f"{what}: {error}; again in {pause:g} s")
            time.sleep(pause)


@contextmanager
def opened(
    client: httpx.Client, method: str, url: str, headers: Mapping[str, str], hosts: tuple[str, ...]
) -> Iterator[httpx.Response]:
    """The response to a request, redirects followed to ``hosts`` too (``*``: to any); faults in words."""
    try:
        at, headers = httpx.URL(url), dict(headers)
        for _ in range(MOST_REDIRECTS):
            with client.stream(method, at, headers=headers) as response:
                if response.next_request is None:
                    yield response
                    return
                to = response.next_request.url
                check_redirect(at, to, hosts)
                if place(to) != place(at):
                    headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
                elif not to.userinfo:
                    to = to.copy_with(userinfo=at.userinfo)
                at = to
    except httpx.TransportError as error:
        raise fault(error, at, client.timeout.read) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BadInput(
            f"{public(url)}: no address, or redirected to no address ({error}); give another source"
        ) from error
    raise BadInput(f"{public(url)}: over {MOST_REDIRECTS} redirects; give the final address as the source")


def place(url: httpx.URL) -> str:
    """Host and port, the port left out where it is the scheme's own."""
    return url.host if url.port is None else f"{url.host}:{url.port}"


def check_redirect(at: httpx.URL, to: httpx.URL, hosts: tuple[str, ...]) -> None:
    """Raise `BadInput` where the way from ``at`` to ``to`` may not be gone."""
    where = f"{public(str(at))}: redirected to {public(str(to))}"
    if to.scheme not in ("http", "https"):
        raise BadInput(f"{where}: a scheme that is never followed; give another address as the source")
    if at.scheme == "https" and to.scheme == "http":
        raise BadInput(f"{where}: from https to http, never followed; give an https address as the source")
    if place(at) == place(to) or to.host in hosts or place(to) in hosts or "*" in hosts:
        return
    raise BadInput(
        f"{where}: {place(at)} sends to another host, {place(to)}; if you trust it, give that address as the "
        f"source or allow it with REDIRECT_HOSTS={place(to)}"
    )


def fault(error: httpx.TransportError, url: httpx.URL, silence: float | None) -> Exception:
    """``error`` in words: `Dropped` where another try may help, `BadInput` where it cannot."""
    host, via, below = place(url), "", error.__cause__ or error.__context__
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__ or below.__context__
    proxy = getproxies().get(url.scheme) or getproxies().get("all")
    if proxy and not proxy_bypass(url.host):
        via = f" (through the proxy {public(proxy)})"
    if isinstance(below, ssl.SSLError) and not isinstance(below, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        reason = getattr(below, "verify_message", "") or below.reason
        return BadInput(
            f"{host}: TLS fails{via}: {reason}; check the clock and the address; where a proxy has a "
            f"certificate of its own, name its file in SSL_CERT_FILE"
        )
    if isinstance(error, httpx.ProxyError):
        return Dropped(f"{host}: the proxy does not connect{via}: {error}; check HTTPS_PROXY and HTTP_PROXY")
    if isinstance(error, httpx.UnsupportedProtocol) or "location header" in str(error):
        return BadInput(f"{public(str(url))}: {error}; give another address as the source")
    if isinstance(below, socket.gaierror):
        return Dropped(f"{host}: the name cannot be resolved{via} (no network? a proxy in HTTPS_PROXY?)")
    if isinstance(error, httpx.ConnectTimeout):
        return Dropped(f"{host}: no answer{via}, the connection timed out (no route?)")
    if isinstance(error, httpx.TimeoutException):
        return Dropped(f"{host}: silent for {silence:g} s{via}")
    if isinstance(below, ConnectionRefusedError):
        return Dropped(f"{host}: the connection is refused{via}")
    if isinstance(error, httpx.ConnectError):
        return Dropped(
            f"{host}: no connection{via}: {os.strerror(below.errno or errno.EIO) if below else error}"
        )
    return Dropped(f"{host}: the connection was cut{via}")
