"""What a member's questions are answered, apart from HTTP: bytes in, trees and lines out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from hive_node import __version__
from hive_node.hive import Hive
from hive_node.learn.outcomes import Outcome
from hive_node.learn.pipeline import Learn
from hive_node.ports import CharterLog, Clock, Feed
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ANSWER_BYTES, ENTRIES_PER_ANSWER
from protocol.sync import have_vector_tree, missing, parse_sync_request
from protocol.wire import JsonValue, dump_json


@dataclass(frozen=True, slots=True)
class Answers:
    """docs/protocol.md §3.5 to §3.9, for an asker who is known to be a member."""

    hive: Hive
    feed: Feed
    log: CharterLog
    learn: Learn
    clock: Clock

    def node(self) -> dict[str, JsonValue]:
        """Who we are, and what we hold."""
        membership = self.hive.membership
        return {
            "protocol": [1],
            "software": f"hive-node/{__version__}",
            "node": self.hive.node,
            "hive": membership.hive if membership else None,
            "charter_version": membership.charter.version if membership else 0,
            "have": self.hive.digest(),
        }

    async def charters(self, first: int) -> list[bytes]:
        """The chain from version `first`, as far as it fits."""
        return _fitting(await self.log.charters(first))

    async def sync(self, body: bytes) -> list[bytes]:
        """Entries that the asker lacks, then what we have. Raises RemoteProtocolError."""
        theirs = parse_sync_request(body)
        self._check_open()
        heads = self.hive.have()
        envelopes = await self.feed.envelopes(missing(heads, theirs))
        sent = _fitting(envelopes)
        has_more = len(sent) < len(envelopes) or len(sent) == ENTRIES_PER_ANSWER
        return [*sent, dump_json({"have": have_vector_tree(heads), "more": has_more})]

    async def entries(self, envelopes: Sequence[bytes], peer: NodeId) -> list[Outcome]:
        """What became of each entry."""
        return await self.learn.learn(envelopes, peer)

    def _check_open(self) -> None:
        if refusal := self.hive.refusal(self.clock.now()):
            raise RemoteProtocolError(refusal, "nothing is sent right now")


def results_of(outcomes: Sequence[Outcome]) -> dict[str, JsonValue]:
    """The outcomes as they are told (docs/protocol.md §3.9)."""
    return {"results": [{"id": one.id, "status": one.status, "code": one.code} for one in outcomes]}


def _fitting(lines: list[bytes]) -> list[bytes]:
    """As many of the first as fit into one answer, and one in any case."""
    sizes = accumulate(len(line) + 1 for line in lines)
    return lines[: max(1, sum(1 for _ in takewhile(lambda size: size <= ANSWER_BYTES, sizes)))]
