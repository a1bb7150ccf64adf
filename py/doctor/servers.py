"""The servers that the profile downloads from: whether each gives what is still to be fetched."""

import http.client
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

from doctor.finding import Finding, error, ok
from doctor.probes import Machine
from doctor.wanted import Wanted
from errors import BadInput
from fetch.sources import HUB_ID, addresses, parse, public

SECONDS = 5
API = "/api/models/"  # of a hub


def wanted_sources(machine: Machine, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """(name, source) of each that is still to be fetched."""
    for text in wanted.source:
        name, _, sources = text.partition("=")
        if not (machine.folder / wanted.mark(name)).exists():
            yield from ((name, source) for source in sources.split())


def request_of(url: str) -> urllib.request.Request:
    """Ask for the head of ``url``; urllib takes user and password in a header alone."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), method="HEAD")
    if user:
        request.add_header("Authorization", "Basic " + b64encode(unquote(user).encode()).decode())
    return request


def misled(request: urllib.request.Request, answer: http.client.HTTPResponse, hosts: list[str]) -> str:
    """Why the download will refuse an answer; empty if it will not."""
    to = urlsplit(answer.url)
    moved = to.netloc != urlsplit(request.full_url).netloc and API not in request.full_url
    if moved and not {to.netloc, to.hostname, "*"} & set(hosts):
        return f"redirected to another host; if you trust it, allow it with REDIRECT_HOSTS={to.netloc}"
    if answer.headers.get_content_type() == "text/html":
        return "a web page in its place: a login or error page perhaps"
    return ""


def fault_of(urls: list[str], hosts: list[str]) -> str:
    """Why none of ``urls`` can be fetched, the first one's reason; empty if one can."""
    faults = []
    for url in urls:
        try:
            request = request_of(url)
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                fault = misled(request, answer, hosts)
            if not fault:
                return ""
            faults.append(fault)
        except urllib.error.HTTPError as fault:
            if fault.code in (401, 403, 405, 501):  # a server that knows no HEAD, or asks for a token
                return ""
            faults.append(f"HTTP {fault.code} {fault.reason}")
        except (OSError, ValueError, http.client.HTTPException) as fault:  # URLError is an OSError
            faults.append(str(getattr(fault, "reason", fault)).strip())
    return faults[0]


def urls_of(machine: Machine, wanted: Wanted, source: str) -> list[str]:
    """Where ``source`` is fetched from; nothing for a local path. Raises `BadInput` where it is no source."""
    kind = parse(source).kind
    if kind == "url":
        return addresses(source, wanted.source_base, wanted.mirror)
    if kind == "path":
        return []
    repository, revision = HUB_ID.fullmatch(source).groups()
    hub = machine.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return [f"{hub.rstrip('/')}{API}{repository}/revision/{revision or 'main'}"]


def sources(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """Whether all that is still to be fetched is there to be fetched."""
    remote: dict[str, list[tuple[str, list[str]]]] = {}
    for name, source in wanted_sources(machine, wanted):
        try:
            urls = urls_of(machine, wanted, source)
        except BadInput as fault:
            yield error("source", f"SOURCE.{name}={fault}", f"correct SOURCE.{name}")
            continue
        if urls:
            remote.setdefault(urlsplit(urls[0]).hostname or "", []).append((name, urls))
    hosts = wanted.redirect_hosts.replace(",", " ").split()
    if not remote:
        yield ok("sources", "nothing to fetch from a server")
        return
    with ThreadPoolExecutor(max_workers=8) as pool:
        for server, asked in remote.items():
            faults = list(pool.map(lambda pair: fault_of(pair[1], hosts), asked))
            yield from answers_of(server, asked, faults)


def answers_of(server: str, asked: list[tuple[str, list[str]]], faults: list[str]) -> Iterator[Finding]:
    """One finding for a server that is not reached at all, else one for each file that it does not give."""
    if not any(faults):
        yield ok("sources", f"{server} answers for {len(asked)} files")
    elif not any(fault.startswith("HTTP") or not fault for fault in faults):
        knobs = ", ".join(f"SOURCE.{name}" for name in dict.fromkeys(name for name, _ in asked))
        mirror = "HF_ENDPOINT" if API in asked[0][1][0] else "MIRROR"
        remedy = f"mend the network or the proxy, or set {mirror} or other sources: {knobs}"
        yield error("sources", f"{server}: {faults[0]}", remedy)
    else:
        for (name, urls), fault in zip(asked, faults):  # noqa: B905 - one answer each
            if fault:
                yield error("sources", f"{public(urls[0])}: {fault}", f"correct SOURCE.{name}, or try later")


CHECKS = (sources,)
