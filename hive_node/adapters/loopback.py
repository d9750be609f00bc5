"""Whose program is at the other end of a loopback connection: any user of this machine can reach 127.0.0.1."""

import socket
import sys
from pathlib import Path
from typing import Final

# proc(5): addresses in the machine's byte order, the state, and the user of each socket of this network namespace.
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"
# An IPv4 address as an IPv6 socket has it: ::ffff:a.b.c.d
_MAPPED: Final = "0000000000000000" + ("FFFF0000" if sys.byteorder == "little" else "0000FFFF")
_ADDRESS, _PEER, _STATE, _USER = 1, 2, 3, 7


def user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The user id of the program that connected from `client` to `server`, both IPv4; None where that cannot be told."""
    ours, theirs = _spelled(*client), _spelled(*server)
    wanted = {(ours, theirs), (_MAPPED + ours, _MAPPED + theirs)}
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if (words[_ADDRESS], words[_PEER]) in wanted and words[_STATE] == _ESTABLISHED:
                return int(words[_USER])
    return None


def _spelled(address: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
