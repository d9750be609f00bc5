"""A member without a daemon, on a host of its own: it says what no honest node would, and hears what it is answered."""

import asyncio
from collections.abc import Coroutine
from threading import Thread
from typing import Any, TypeVar

from benchmarks.author import Author, new_key
from hive_node.adapters.invites import Token
from hive_node.adapters.joining import join
from hive_node.adapters.peer_client import PeerClient
from hive_node.adapters.tls import client_context
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId
from protocol.verification import verify_chain
from tests.fakes.hive import summary
from tests.multihost.lan import enter

_T = TypeVar("_T")


class Stranger:
    """Lives in a thread, as namespaces are entered by threads. Every answer is a status or code."""

    def __init__(self, namespace: str, token: str, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._live, args=(namespace,), daemon=True)
        self._thread.start()
        self._run(self._join(Token.parse(token), name))

    def asks(self, host: str, port: int = 7740) -> str:
        """What it is answered to the least that can be asked, on a connection that stays open."""

        async def ask() -> str:
            await self._client.status(host, port)
            return "answered"

        return self._run(_outcome(ask()))

    def says(self, node: str, host: str, port: int = 7740) -> str:
        """What becomes of its next entry, handed to that node; a refused one's number is used again."""
        kept = (self._author.last, self._author.seq)
        entry = self._author.say(summary(0.001))

        async def push() -> str:
            [result] = await self._client.push(host, port, NodeId(node), [entry.to_bytes()])
            return str(result["code"] or result["status"])

        became = self._run(_outcome(push()))
        if became != "accepted":
            self._author.last, self._author.seq = kept
        return became

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _join(self, token: Token, name: str) -> None:
        key = new_key()
        welcome = await join(token, key, name, name)
        membership = verify_chain(welcome.chain, token.hive)
        anchors = [member.certificate_der() for member in membership.members.values()]
        self.id = key.node_id
        self._author = Author(key, token.hive, membership.charter.constitution)
        self._client = PeerClient(client_context(key, anchors))

    def _live(self, namespace: str) -> None:
        enter(namespace)
        self._loop.run_forever()

    def _run(self, job: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(30)


async def _outcome(job: Coroutine[Any, Any, str]) -> str:
    try:
        return await job
    except RemoteProtocolError as error:
        return str(error.code)
