"""A member's peer port, by hand."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from protocol.wire import dump_json
from tests.fakes.hive import FakeNode
from tests.hostile.stage import Stage
from tests.hostile.wire import GONE, LOOPBACK, dialled, server_context

PATIENCE_S = 30.0


@dataclass
class Answering:
    """A member's peer port, by hand: says that it holds version 99, and hands over `charters` for newer ones."""

    who: FakeNode
    charters: bytes
    asked: int = 0
    port: int = 0
    seen: threading.Event = field(default_factory=threading.Event)

    def serve(self, listening: socket.socket) -> None:
        context = server_context(self.who)
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with suppress(*GONE), plain, context.wrap_socket(plain, server_side=True) as secure:
                secure.settimeout(PATIENCE_S)
                self._answer(secure)

    def _answer(self, secure: ssl.SSLSocket) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = secure.recv(65_536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            is_charter = b"/hive/v1/charter" in head
            status = {"charter_version": 99, "have": "0" * 64, "software": "x", "node": self.who.id}
            body = self.charters if is_charter else dump_json(status)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            if is_charter:
                self.asked += 1
                self.seen.set()


@contextmanager
def answering(who: FakeNode, charters: bytes) -> Iterator[Answering]:
    one = Answering(who, charters)
    with socket.create_server((LOOPBACK, 0)) as listening:
        one.port = listening.getsockname()[1]
        thread = threading.Thread(target=one.serve, args=(listening,), daemon=True)
        thread.start()
        yield one
        listening.shutdown(socket.SHUT_RDWR)


def tell_of(stage: Stage, server: Answering, is_done: Callable[[], bool]) -> None:
    """Let the node know that the member answers there, until something has come of it."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        assert time.monotonic() < deadline, stage.log[-2000:]
        with suppress(*GONE), dialled(stage.port, server.who) as wire:
            wire.ask("GET", "/hive/v1/node", headers={"X-Hive-Port": str(server.port)})
        server.seen.wait(0.5)
