"""HTTP as downloads need it: redirects stay on their host, and each fault is said in words.

Proxies come from the usual environment variables (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.request import getproxies, proxy_bypass

import httpx

from errors import BadInput
from fetch.patience import Dropped, Patience
from fetch.sources import public

MOST_REDIRECTS = 10


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


def way_to(url: httpx.URL) -> str:
    """The proxy on the way to ``url``, for a message; "" where there is none."""
    proxy = getproxies().get(url.scheme) or getproxies().get("all")
    return f" (through the proxy {public(proxy)})" if proxy and not proxy_bypass(url.host) else ""


def system_error(error: BaseException) -> OSError | None:
    """The error of the system's that ``error`` comes from, if any."""
    below = error.__cause__ or error.__context__
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__ or below.__context__
    return below


def fault(error: httpx.TransportError, url: httpx.URL, silence: float | None) -> Exception:
    """``error`` in words: `Dropped` where another try may help, `BadInput` where it cannot."""
    host, via, below = place(url), way_to(url), system_error(error)
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
