"""The loopback interface, this host's name, and proxies."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from doctor.finding import Finding, error, ok, warning
from doctor.probes import Machine
from doctor.wanted import Wanted

SECONDS = 5


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
    """A proxy has an address, and this machine itself is reached without it."""
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


CHECKS = (loopback, own_name, proxies)
