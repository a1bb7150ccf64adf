"""Loopback, host name and proxies."""

import socket

import pytest

from doctor import network


def test_a_port_of_loopback_can_be_reached(about, monkeypatch):
    assert about(network.loopback).level == "ok"

    def refuse(*_, **__):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(network.socket, "create_connection", refuse)
    assert "ip link set lo up" in about(network.loopback).remedy


@pytest.mark.parametrize(
    ("address", "hostfile", "level"),
    [
        ("127.0.0.1", "", "ok"),
        ("127.0.1.1", "hosts", "warning"),
        ("192.0.2.7", "", "warning"),  # not an address of this machine
        (None, "", "warning"),
        (None, "hosts", "error"),
    ],
)
def test_the_hosts_name_must_lead_to_it(machine, about, address, hostfile, level):
    def look_up(name):
        if address is None:
            raise socket.gaierror(-2, "Name or service not known")
        return address

    machine.host_name, machine.address_of = lambda: "node1", look_up
    found = about(network.own_name, hostfile=hostfile)
    assert found.level == level and "node1" in found.found


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({}, "ok"),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "localhost,.local"}, "ok"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "warning"),
        ({"http_proxy": "http://:3128", "no_proxy": "localhost"}, "error"),
    ],
)
def test_proxies_are_addresses_and_spare_this_machine(machine, about, variables, level):
    machine.environ |= variables
    assert about(network.proxies, "proxy").level == level
