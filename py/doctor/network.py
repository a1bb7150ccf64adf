"""The loopback interface, this host's name, proxies, and the servers that the profile downloads from."""

import http.client
import socket
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

from doctor.finding import Finding, error, ok, warning
from doctor.probes import Machine
from doctor.wanted import Wanted
from errors import BadInput
from fetch.sources import HUB_ID, addresses, parse, public

SECONDS = 5
API = "/api/models/"  # of a hub


def loopback(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """The processes of a training meet at a port of 127.0.0.1."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.create_connection(server.getsockname(), timeout=SECONDS):
                yield ok("port", f"127.0.0.1:{server.getsockname()[1]} can be opened and reached")
    except OSError as fault:
        remedy = "bring the loopback interface up: ip link set lo up"
        yield error("port", f"127.0.0.1: {fault.strerror or fault}", remedy)


def own_name(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """gloo and NCCL look for the address of this host's name; alone, they fall back to loopback."""
    name = machine.host_name()
    level = error if wanted.hostfile else warning
    try:
        address = machine.address_of(name)
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError as fault:
        remedy = (
            f"add '127.0.1.1 {name}' to /etc/hosts"
            if not wanted.hostfile
            else f"give {name} its address in DNS"
        )
        yield level("host name", f"{name}: {fault.strerror or fault}", remedy)
        return
    if wanted.hostfile and address.startswith("127."):
        remedy = "let /etc/hosts give the address that the other hosts reach, or export GLOO_SOCKET_IFNAME"
        yield warning("host name", f"{name} is {address}, which the other hosts cannot reach", remedy)
    else:
        yield ok("host name", f"{name} is {address}")


def proxies(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    named = {
        name.lower(): value for name, value in machine.environ.items() if name.lower().endswith("_proxy")
    }
    used = {name: value for name, value in named.items() if name != "no_proxy" and value}
    for name, value in used.items():
        if urlsplit(value).hostname is None:
            yield error("proxy", f"{name}: not an address like http://host:port", f"correct or unset {name}")
            return
    spared = named.get("no_proxy", "").split(",")
    if used and not {"*", "localhost", "127.0.0.1"} & {part.strip() for part in spared}:
        found = f"{', '.join(used)} also for this machine itself"
        yield warning("proxy", found, 'export no_proxy="$no_proxy,localhost,127.0.0.1"')
    elif not used:
        yield ok("proxy", "none")
    else:
        yield ok("proxy", ", ".join(used))


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


CHECKS = (loopback, own_name, proxies, sources)
