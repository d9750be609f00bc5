"""The real daemon, in a network namespace, with a clock of its own, and with somebody to say what it shall publish.

Its arguments: HOME NAMESPACE SECONDS. A line `TASK WORDS` written to the socket `say` in its home is published as any news is, and
answered with the entry's id, or an empty line where a halt or the like forbids it. Nothing else is added, and nothing replaced but the
reading of the wall clock, which all of the node's code has from one place.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from hive_node import daemon
from hive_node.adapters.clock import SystemClock
from hive_node.app import NodeBuilder
from hive_node.app import node as opening
from hive_node.ports import News
from hive_node.share.pipeline import Share
from protocol.deltas import ShareLevel
from tests.fakes.hive import summary
from tests.multihost.lan import enter

PROJECT = "knob"


class SkewedClock(SystemClock):
    """A machine whose clock is wrong by `skew`."""

    skew = timedelta()

    def now(self) -> datetime:
        return super().now() + self.skew


class Mouth:
    """A service of the daemon beside the others."""

    def __init__(self, share: Share, path: Path) -> None:
        self._share = share
        self._path = path

    async def serve(self) -> None:
        self._path.unlink(missing_ok=True)
        async with await asyncio.start_unix_server(self._answer, self._path) as server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, _, words = (await reader.readline()).decode().strip().partition(" ")
        gain = int.from_bytes(sha256(words.encode()).digest()[:2]) / 1e6
        news = News(words, summary(gain, task=task, project=PROJECT), ShareLevel.RECIPES)
        entry = await self._share.publish(news)
        writer.write(f"{entry or ''}\n".encode())
        writer.close()
        await writer.wait_closed()


def main() -> int:
    namespace, seconds = sys.argv[2:]
    enter(namespace)
    SkewedClock.skew = timedelta(seconds=float(seconds))
    build = NodeBuilder.build

    async def build_with_mouth(builder: NodeBuilder) -> Any:
        node = await build(builder)
        node.services["mouth"] = Mouth(builder.federated.share, builder.ground.home.root / "say")
        return node

    NodeBuilder.build = build_with_mouth  # type: ignore[method-assign]
    opening.SystemClock = SkewedClock  # type: ignore[misc]
    return daemon.main()
