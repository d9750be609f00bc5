"""A real node, alone with members whose keys the tests own: its home is made by hand, its process is the daemon's own."""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from guardrails.constitution import Constitution
from hive_node.adapters.clock import SystemClock
from hive_node.adapters.homefolder import create_home
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.store import CharterStore, Database
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.tls import certificate_of
from hive_node.config.home import Home
from protocol.charter import Member, stamp
from protocol.deltas import Body
from protocol.envelope import Envelope
from protocol.ids import NodeId
from tests.fakes.hive import FakeHive, FakeNode, admins, base64_text, summary
from tests.hostile.wire import LOOPBACK
from tests.integration.processes import Forked

CAROL, DAN = FakeNode("carol"), FakeNode("dan")
"""The admins: both must sign."""
BO = FakeNode("bo")
ASKING = tuple(FakeNode(f"asking {number}") for number in range(4))
"""Honest members; the latter ask all the while."""
MALLORY, EVE, FLO, OLGA, REX = (FakeNode(name) for name in ("mallory", "eve", "flo", "olga", "rex"))
"""A hostile member; one who signs twice; one who floods; one in her second epoch; one who was sent away after his first entry."""
SERVERS = tuple(FakeNode(f"server {number}") for number in range(8))
"""Members who answer."""
STRANGER = FakeNode("stranger")
_START_S = 30.0


@dataclass
class Stage:
    """The node under attack, and what its hive is.

    wanted: ids of the entries that it may hold when all is over.
    """

    home: Home
    hive: FakeHive
    port: int
    process: Forked | None = None
    wanted: set[str] = field(default_factory=set)
    feeds: dict[NodeId, list[Envelope]] = field(default_factory=dict)

    @property
    def node(self) -> Member:
        """The node itself, as the charter lists it."""
        return next(one for one in self.hive.membership.charter.members if one.owner == "ada")

    @property
    def log(self) -> str:
        return self.home.root.with_suffix(".log").read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        assert self.process.pid is not None
        return self.process.pid

    def entry(
        self, author: FakeNode, body: Body | None = None, /, seq: int = 1, prev: str | None = None, **header: Any
    ) -> Envelope:
        """An entry of this hive at any place, that says anything."""
        fields = {"constitution": self.hive.membership.charter.constitution} | header
        return self.hive.entry(author, body, seq, prev, **fields)

    def next(self, author: FakeNode, body: Body | None = None) -> bytes:
        """The honest next entry of an author, which the node may hold from now on."""
        feed = self.feeds.setdefault(author.id, [])
        said = body or summary(0.001 * (len(feed) + 1))
        feed.append(self.entry(author, said, len(feed) + 1, feed[-1].id if feed else None))
        self.wanted.add(feed[-1].id)
        return feed[-1].to_bytes()

    def start(self) -> None:
        """Run the daemon; returns when its peer port is open."""
        log = self.home.root.with_suffix(".log")
        environment = {name: value for name, value in os.environ.items() if name != "HIVE_NODE_HOME"}
        self.process = Forked("hive_node.daemon", str(self.home.root), out=log, problems=log, environment=environment)
        deadline = SystemClock().monotonic() + _START_S
        while SystemClock().monotonic() < deadline:
            try:
                socket.create_connection((LOOPBACK, self.port), 1).close()
                return
            except OSError:
                assert self.process._process.is_alive(), self.log
                self.process._process.join(0.05)
        raise AssertionError(f"the daemon did not come up:\n{self.log}")

    def stop(self) -> int:
        """As SIGTERM does."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        return code

    def stored(self, query: str) -> list[tuple[Any, ...]]:
        """What the database of the stopped node says."""
        with closing(sqlite3.connect(self.home.database)) as database:
            return database.execute(query).fetchall()

    def status(self, name: str) -> int:
        """A figure of /proc/PID/status, in KiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def staged(folder: Path, *, age: timedelta = timedelta()) -> Iterator[Stage]:
    """A running node in version 3 of its hive, which was issued `age` ago; nothing is left of it at the end."""
    home = Home(folder / "node")
    port = _free_port()
    key = create_home(home, name="node", owner="ada", listen=LOOPBACK, peer_port=port, api_port=0, mdns=LOOPBACK)
    home.config.write_text(home.config.read_text().replace("enabled = true", "enabled = false"))
    stage = Stage(home, _hive(key, age), port)
    asyncio.run(_keep(home.database, stage.hive.chain))
    stage.start()
    try:
        yield stage
    finally:
        if stage.process is not None:
            stage.process.kill()
            stage.process.wait(30)


def _hive(key: NodeKey, age: timedelta) -> FakeHive:
    issued = datetime.now(UTC) - age
    times = {"issued_at": stamp(issued), "expires_at": stamp(issued + timedelta(days=90))}
    people = [member(one) for one in (CAROL, DAN, BO, *ASKING, MALLORY, EVE, FLO, REX, *SERVERS)] + [
        member(OLGA, epoch=2)
    ]
    ours = Member(
        id=key.node_id, certificate=base64_text(certificate_of(key)), owner="ada", name="node", joined_at=stamp(issued)
    )
    fields = {"admins": admins(CAROL, DAN, threshold=2), "constitution": Constitution.load().digest} | times
    founded = FakeHive.found(CAROL, signers=(CAROL, DAN), members=[*people, ours], **fields)
    rest = [one for one in founded.membership.charter.members if one.id != REX.id]
    without_rex = founded.amend(CAROL, DAN, members=rest, revoked=[REX.revocation(1)], **times)
    return without_rex.amend(CAROL, DAN, name="renamed", **times)


def member(who: FakeNode, epoch: int = 1) -> Member:
    """As the charter lists it: with a certificate that can be an anchor."""
    return Member(
        id=who.id,
        certificate=base64_text(certificate_of(who.signer)),
        owner=who.seed,
        name=who.seed,
        joined_at=stamp(datetime.now(UTC)),
        epoch=epoch,
    )


async def _keep(path: Path, chain: tuple[bytes, ...]) -> None:
    database = await Database.open(path)
    try:
        await CharterStore(database, Journal(database, SystemClock())).keep_chain(chain)
    finally:
        await database.close()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])
