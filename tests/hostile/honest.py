"""`python honest.py PORT FILE PEM …`: honest members in a process of their own, who ask in turn and write down what it took.

Each line: when it was asked, how many seconds until the whole answer was there, its status. As many members as there are
certificates, for one may ask ten times a second and no more.
"""

import socket
import ssl
import sys
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

_APART_S = 0.12
_QUESTION = b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n"


def main(port: int, report: Path, *pems: str) -> None:
    with ExitStack() as stack, report.open("w", buffering=1) as lines:
        wires = [stack.enter_context(_dialled(port, pem)) for pem in pems]
        for wire in cycle(wires):
            began = time.monotonic()
            wire.sendall(_QUESTION)
            status = _answered(wire)
            lines.write(f"{began} {time.monotonic() - began} {status}\n")
            time.sleep(_APART_S / len(wires))


def _dialled(port: int, pem: str) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pem)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30))


def _answered(wire: ssl.SSLSocket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(wire)
    head, _, rest = data.partition(b"\r\n\r\n")
    size = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(rest) < size:
        rest += _more(wire)
    return int(head.split()[1])


def _more(wire: ssl.SSLSocket) -> bytes:
    data = wire.recv(65_536)
    if not data:
        raise EOFError("cut off")
    return data


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
