"""This machine's addresses as they are now, how each is written so that it can be dialled, and word of every change."""

import asyncio
import fcntl
import ipaddress
import logging
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import ifaddr

logger = logging.getLogger(__name__)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface

# In this process's network namespace, which /sys would not be.
_IPV6_ADDRESSES: Final = Path("/proc/self/net/if_inet6")
# <linux/if_addr.h>: not yet known to be unique, or known not to be; nothing can be bound to such.
_UNUSABLE: Final = 0x40 | 0x08
# <linux/if.h>: switched on, with a carrier; and able to multicast.
_SIOCGIFFLAGS: Final = 0x8913
_RUNS: Final = 0x01 | 0x40
_MULTICASTS: Final = 0x1000
# <linux/rtnetlink.h>: links, IPv4 addresses, IPv6 addresses.
_RTMGRP: Final = 0x1 | 0x10 | 0x100
_NETLINK_BYTES: Final = 65_536

# A machine with containers has dozens; each would cost two sockets, and a packet for each that is said.
INTERFACES: Final = 16


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of this machine: its interface, by name and by number, and the address with its prefix."""

    interface: str
    index: int
    at: Interface

    @property
    def ip(self) -> Address:
        return self.at.ip

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """IPv4, then IPv6, then what means nothing off its own link."""
        return (self.ip.is_link_local, self.ip.version == 6, str(self.ip))


def addresses_of_this_machine() -> list[LocalAddress]:
    """All that can be used now: of interfaces that are up and have a carrier, IPv6 once it is known to be unique."""
    found = [*_ipv4(), *_ipv6()]
    flags = {name: _flags(name) for name in {one.interface for one in found}}
    # A prefix of no bits would make everyone a neighbour.
    return [one for one in found if flags[one.interface] & _RUNS == _RUNS and one.at.network.prefixlen]


def addresses_to_speak_on(wanted: Sequence[str]) -> frozenset[LocalAddress]:
    """Those of `wanted`: "all", names of interfaces, or addresses. "all" is every one but loopback that can multicast."""
    found = addresses_of_this_machine()
    if "all" in wanted:
        found = [one for one in found if not one.ip.is_loopback and _flags(one.interface) & _MULTICASTS]
    else:
        found = [one for one in found if one.interface in wanted or any(_is_same(one.ip, text) for text in wanted)]
    names = list(dict.fromkeys(one.interface for one in sorted(found, key=lambda one: one.rank)))[:INTERFACES]
    return frozenset(one for one in found if one.interface in names)


def heard_at(listen: str, local: Iterable[LocalAddress]) -> list[LocalAddress]:
    """Those of `local` on which a port that listens at `listen` is heard, the most useful first: "::" is both families."""
    address = ipaddress.ip_address(listen)
    if not address.is_unspecified:
        return [one for one in local if _is_same(one.ip, listen)]
    return sorted((one for one in local if address.version in {6, one.ip.version}), key=lambda one: one.rank)


def scoped(address: Address, interface: str) -> str:
    """The text by which this machine dials an address; one that is link-local means nothing without its interface."""
    return f"{address}%{interface}" if address.version == 6 and address.is_link_local else str(address)


def host_of(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """The host of a socket's peer name, in the spelling in which it is dialled: a mapped IPv4 address is one of IPv4."""
    address = ipaddress.ip_address(name[0].partition("%")[0])
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return scoped(address, socket.if_indextoname(name[3])) if address.is_link_local and len(name) == 4 else str(address)


def authority(host: str, port: int) -> str:
    """Host and port as they are written in one, RFC 3986 §3.2: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def watching(changed: Callable[[], None]) -> Iterator[None]:
    """Call `changed` in the loop whenever the kernel says that a link or an address came, changed or went (rtnetlink(7)).

    Where it does not say so to us, nothing is called: who waits looks for himself now and then besides.
    """
    loop = asyncio.get_running_loop()
    kernel = _kernel()
    if kernel is None:
        yield
        return
    with kernel:
        loop.add_reader(kernel, lambda: _heard(kernel, changed))
        try:
            yield
        finally:
            loop.remove_reader(kernel)


def _kernel() -> socket.socket | None:
    """A socket on which the kernel tells of changes; None where a sandbox, or a lack of memory, forbids one."""
    try:
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    except OSError as error:
        logger.debug("the kernel tells of no changes: %s", error.strerror)
        return None
    try:
        kernel.bind((0, _RTMGRP))
    except OSError as error:
        logger.debug("the kernel tells of no changes: %s", error.strerror)
        kernel.close()
        return None
    return kernel


def _heard(kernel: socket.socket, changed: Callable[[], None]) -> None:
    try:
        kernel.recv(_NETLINK_BYTES)
    except OSError as error:  # ENOBUFS: more came than there was room for, so something changed
        logger.debug("word of a change was lost: %s", error.strerror)
    changed()


def _is_same(address: Address, text: str) -> bool:
    try:
        return address == ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False


def _ipv4() -> Iterator[LocalAddress]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                # An alias is called eth0:1, and is on eth0.
                name = adapter.name.partition(":")[0]
                yield LocalAddress(name, adapter.index or 0, ipaddress.IPv4Interface(f"{ip.ip}/{ip.network_prefix}"))


def _ipv6() -> Iterator[LocalAddress]:
    """From proc(5): what `ifaddr` reads has no flags, and an address that is not usable yet looks like any other."""
    try:
        lines = _IPV6_ADDRESSES.read_text(encoding="ascii").splitlines()
    except OSError:  # a kernel without IPv6
        return
    for line in lines:
        packed, index, prefix, _scope, flags, name = line.split()
        if not int(flags, 16) & _UNUSABLE:
            at = ipaddress.IPv6Interface((bytes.fromhex(packed), int(prefix, 16)))
            yield LocalAddress(name, int(index, 16), at)


def _flags(name: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
        except OSError:  # it went away this moment
            return 0
    return int(struct.unpack("16sH14x", answer)[1])
