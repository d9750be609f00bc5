"""Taking a port for one address, or for all of them: IPv4 and IPv6 behind one socket."""

import errno
import socket
from typing import Final

EVERY_ADDRESS: Final = "::"
_EVERY_IPV4: Final = "0.0.0.0"  # noqa: S104  taken only where the config says "::", on a kernel without IPv6


def listening_at(host: str, port: int) -> socket.socket:
    """A bound socket that nobody is accepted on yet. host: an address; "::" is every one of both families.

    Raises OSError where the port is taken, or the address is none of this machine's.
    """
    try:
        return _bound(host, port)
    except OSError as error:
        if host != EVERY_ADDRESS or error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            raise
        return _bound(_EVERY_IPV4, port)  # a kernel that was told to do without IPv6


def _bound(host: str, port: int) -> socket.socket:
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=_NUMERIC)[0]
    taken = socket.socket(family, kind, number)
    try:
        taken.setblocking(False)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == EVERY_ADDRESS:
            # Whatever /proc/sys/net/ipv6/bindv6only says.
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        taken.bind(address)
    except OSError:
        taken.close()
        raise
    return taken


_NUMERIC: Final = socket.AI_PASSIVE | socket.AI_NUMERICHOST
