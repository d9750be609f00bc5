import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import ifaddr
import pytest

from hive_node.adapters import interfaces
from hive_node.adapters.interfaces import (
    INTERFACES,
    LocalAddress,
    addresses_of_this_machine,
    addresses_to_speak_on,
    authority,
    heard_at,
    host_of,
)

UP, RUNNING, MULTICAST = 0x1, 0x40, 0x1000
ADDRESSES: list[tuple[str, str]] = [
    ("lo", "127.0.0.1/8"),
    ("eth0", "192.168.7.5/24"),
    ("eth0:1", "192.168.7.6/24"),
    ("wg0", "10.8.0.5/24"),
    ("nowhere0", "10.9.9.9/0"),
    ("down0", "10.5.5.5/24"),
    ("unplugged0", "10.6.6.6/24"),
]
IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fd000007000000000000000000000005 02 40 00 80     eth0
fe800000000000000000000000000005 02 40 20 80     eth0
fd000007000000000000000000000006 02 40 00 40     eth0
fd000007000000000000000000000007 02 40 00 88     eth0
"""
FLAGS = {"down0": MULTICAST, "unplugged0": UP | MULTICAST, "lo": UP | RUNNING, "wg0": UP | RUNNING}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ifaddr.Adapter]:
    """A laptop with a cable, a tunnel, and interfaces that are of no use now; two IPv6 addresses are not usable (yet)."""
    adapters = [adapter(name, at) for name, at in ADDRESSES]
    table = tmp_path / "if_inet6"
    table.write_text(IF_INET6)
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: adapters)
    monkeypatch.setattr(interfaces, "_IPV6_ADDRESSES", table)
    monkeypatch.setattr(interfaces, "_flags", lambda name: FLAGS.get(name, UP | RUNNING | MULTICAST))
    return adapters


def adapter(name: str, at: str) -> ifaddr.Adapter:
    address, _, prefix = at.partition("/")
    return ifaddr.Adapter(name, name, [ifaddr.IP(address, int(prefix), name)], index=2)


def texts(found: Any) -> set[str]:
    return {str(one.at) for one in found}


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        (["all"], {"192.168.7.5/24", "192.168.7.6/24", "fd00:7::5/64", "fe80::5/64"}),
        (["127.0.0.1"], {"127.0.0.1/8"}),
        (["192.168.7.5", "fd00:7:0::5"], {"192.168.7.5/24", "fd00:7::5/64"}),
        (["wg0", "fe80::5%eth0"], {"10.8.0.5/24", "fe80::5/64"}),
        (["eth0"], {"192.168.7.5/24", "192.168.7.6/24", "fd00:7::5/64", "fe80::5/64"}),
        (["203.0.113.1", "10.9.9.9", "down0", "unplugged0", "fd00:7::6", "eth7", ""], set()),
    ],
)
def test_only_interfaces_that_work_and_were_asked_for_are_used(
    machine: list[ifaddr.Adapter], wanted: list[str], used: set[str]
) -> None:
    assert texts(addresses_to_speak_on(wanted)) == used


def test_a_machine_full_of_containers_speaks_on_sixteen_interfaces(machine: list[ifaddr.Adapter]) -> None:
    machine += [adapter(f"docker{number}", f"172.{number}.0.1/16") for number in range(50)]
    assert len({one.interface for one in addresses_to_speak_on(["all"])}) == INTERFACES


def test_a_kernel_without_ipv6_has_ipv4(machine: list[ifaddr.Adapter], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_IPV6_ADDRESSES", Path("/nonexistent"))
    assert texts(addresses_to_speak_on(["all"])) == {"192.168.7.5/24", "192.168.7.6/24"}


@pytest.mark.parametrize(
    ("listen", "heard"),
    [
        ("::", ["192.168.7.5", "fd00:7::5", "fe80::5"]),
        ("0.0.0.0", ["192.168.7.5"]),
        ("192.168.7.5", ["192.168.7.5"]),
        ("fd00:7::5", ["fd00:7::5"]),
        ("127.0.0.1", []),
    ],
)
def test_a_port_is_announced_where_it_is_heard_and_nowhere_else(listen: str, heard: list[str]) -> None:
    here = [
        LocalAddress("eth0", 2, ipaddress.ip_interface(at)) for at in ("fe80::5/64", "fd00:7::5/64", "192.168.7.5/24")
    ]
    assert [str(one.ip) for one in heard_at(listen, here)] == heard


@pytest.mark.parametrize(
    ("name", "host"),
    [
        (("10.0.0.7", 1), "10.0.0.7"),
        (("::ffff:10.0.0.7", 1, 0, 0), "10.0.0.7"),
        (("fd00::7", 1, 0, 0), "fd00::7"),
        (("fe80::7", 1, 0, 1), "fe80::7%lo"),
        (("fe80::7%lo", 1, 0, 1), "fe80::7%lo"),
    ],
)
def test_who_asked_is_written_as_it_is_dialled(name: Any, host: str) -> None:
    assert host_of(name) == host


def test_host_and_port_are_written_in_one() -> None:
    assert [authority(host, 1) for host in ("10.0.0.7", "fd00::7", "fe80::7%lo")] == [
        "10.0.0.7:1",
        "[fd00::7]:1",
        "[fe80::7%lo]:1",
    ]


def test_this_very_machine_has_its_loopback() -> None:
    assert "127.0.0.1/8" in texts(addresses_of_this_machine())
    assert interfaces._flags(f"x{os.getpid()}") == 0


def test_an_interface_that_went_away_has_no_addresses(
    machine: list[ifaddr.Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interfaces, "_flags", lambda _name: 0)
    assert addresses_of_this_machine() == []


class Deaf(socket.socket):
    """A socket that may be made, and not bound."""

    def bind(self, _address: object) -> None:
        raise PermissionError(1, "Operation not permitted")


def no_socket(*_: object) -> None:
    raise OSError(97, "Address family not supported")


@pytest.mark.parametrize("made", [no_socket, Deaf])
async def test_where_the_kernel_tells_nothing_we_look_for_ourselves(
    monkeypatch: pytest.MonkeyPatch, made: object
) -> None:
    monkeypatch.setattr(socket, "socket", made)
    with interfaces.watching(lambda: None):
        pass
