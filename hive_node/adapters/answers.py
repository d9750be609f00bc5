"""What a member's questions are answered, apart from HTTP: bytes in, trees and lines out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from hive_node import __version__
from hive_node.hive import Hive
from hive_node.learn.outcomes import Outcome
from hive_node.learn.pipeline import Learn
from hive_node.ports import CharterLog, Clock, Feed
from hive_node.share.proposals import ProposalDesk
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ANSWER_BYTES, ENTRIES_PER_ANSWER
from protocol.messages import SyncTail, fitting_proofs, parse_sync_request
from protocol.proposals import parse_offer
from protocol.sync import held_parts, missing
from protocol.wire import JsonValue


@dataclass(frozen=True, slots=True)
class Answers:
    """docs/protocol.md §3.5 to §3.11, for an asker who is known to be a member."""

    hive: Hive
    feed: Feed
    log: CharterLog
    learn: Learn
    clock: Clock
    desk: ProposalDesk

    def node(self) -> dict[str, JsonValue]:
        """Who we are, and what we hold."""
        membership = self.hive.membership
        return {
            "protocol": [1],
            "software": f"hive-node/{__version__}",
            "node": self.hive.node,
            "hive": membership.hive if membership else None,
            "charter_version": membership.charter.version if membership else 0,
            "charter": membership.digest if membership else None,
            "have": self.hive.digest(),
        }

    async def charters(self, first: int) -> list[bytes]:
        """The chain from version `first`, as far as it fits."""
        return await self.log.charters(first)

    async def check_say(self, peer: NodeId) -> None:
        """Raises RemoteProtocolError(not-an-admin) for who has no say in what becomes of the charter."""
        if not await self.desk.concerns(peer):
            raise RemoteProtocolError(Code.NOT_AN_ADMIN, "only admins are told of proposals")

    async def proposals(self, lines: list[bytes], peer: NodeId) -> list[bytes]:
        """What is under discussion, for one who has a say. Raises RemoteProtocolError."""
        await self.check_say(peer)
        theirs = parse_offer(lines)
        await self.desk.take_in(theirs, peer)
        return (await self.desk.offer(peer, theirs)).lines()

    async def sync(self, body: bytes, peer: NodeId) -> list[bytes]:
        """Entries that the asker lacks, then what we have. Raises RemoteProtocolError."""
        asked = parse_sync_request(body)
        await self.hive.ask_for_charter()
        self._check_open()
        heads, passed_over = self.hive.have(), asked.proven | self.hive.quarantined
        wanted = [one for one in held_parts(heads, asked.wanted) if one.author not in passed_over]
        filling = await self.feed.carried(wanted, to=peer)
        lacking = [one for one in missing(heads, asked.have) if one.author not in passed_over]
        following = await self.feed.carried(lacking, ENTRIES_PER_ANSWER - len(filling.envelopes), to=peer)
        envelopes = [*filling.envelopes, *following.envelopes]
        sent = _fitting(envelopes)
        unknown = self.hive.quarantined - asked.proven
        kept = await self.feed.proofs(unknown) if unknown else []
        proofs = fitting_proofs(kept)
        has_more = filling.has_more or following.has_more or len(sent) < len(envelopes) or len(proofs) < len(kept)
        return [*sent, SyncTail(heads, tuple(following.withheld), proofs, has_more).to_json()]

    async def entries(self, envelopes: Sequence[bytes], peer: NodeId) -> list[Outcome]:
        """What became of each entry. Raises RemoteProtocolError(unavailable) where we cannot know yet who is a member."""
        await self.hive.ask_for_charter()
        if self.hive.is_waking:
            raise RemoteProtocolError(Code.UNAVAILABLE, "this node just started, and asks for newer charters first")
        outcomes = await self.learn.learn(envelopes, peer)
        if any(one.status == "gap" or one.code is Code.GAP_FULL for one in outcomes):
            self.learn.spreader.ask(peer)
        return outcomes

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
