"""A store in memory: what the database keeps of feeds and charters, and forgets with the process."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice

from hive_node.ports import Carried, Cut, PeerAddress, Receipt, Standing, StoredEntry, StoredProposal, StoreError
from protocol.amendment import Amendment
from protocol.deltas import Delta
from protocol.envelope import CHARTER_TYPE, Envelope, parse_envelope
from protocol.feed import Head
from protocol.ids import NodeId
from protocol.limits import CHARTER_BYTES, ENTRIES_PER_ANSWER, HELD_IN_ALL, HELD_PER_AUTHOR
from protocol.sync import Missing, unshown
from protocol.wire import JsonValue

Place = tuple[NodeId, int, int]


class MemoryStore:
    """Satisfies Feed, CharterLog, Notes and Addresses of hive_node.ports."""

    def __init__(self) -> None:
        self.entries: dict[Place, StoredEntry] = {}
        self.purposes: dict[str, StoredEntry] = {}
        self.held: dict[Place, bytes] = {}
        self.proofs_kept: dict[NodeId, tuple[int, bytes, bytes]] = {}
        self.chain: list[bytes] = []
        self.again: list[tuple[int, Amendment]] = []
        self.proposed: dict[str, StoredProposal] = {}
        self.counters: dict[str, int] = {}
        self.facts: dict[str, JsonValue] = {}

    # --- feeds

    async def heads(self, epochs: Mapping[NodeId, int], *, shown_only: bool = False) -> dict[NodeId, Head]:
        """As FeedStore."""
        return {
            author: Head(epoch, seq, entry.id)
            for (author, epoch, seq), entry in sorted(self.entries.items())
            if (entry.standing == "good" or not shown_only) and epoch <= epochs.get(author, epoch)
        }

    async def holes(self) -> list[Missing]:
        found: list[Missing] = []
        for (author, epoch), places in groupby(sorted(self.entries), key=lambda place: place[:2]):
            numbers = [seq for _, _, seq in places]
            found += unshown(Missing(author, epoch, 1, numbers[-1]), numbers, is_cut=True)
        return found

    async def add(self, arrived: Sequence[tuple[Envelope, Delta, Standing]], *, purpose: str | None = None) -> None:
        for envelope, delta, standing in arrived:
            place = _place(delta)
            _check(place not in self.entries, "one entry at one place")
            self.entries[place] = StoredEntry(envelope.id, delta, envelope, standing, "")
            if purpose is not None:
                self.purposes[purpose] = self.entries[place]

    async def by_purpose(self, purpose: str) -> StoredEntry | None:
        return self.purposes.get(purpose)

    async def get(self, identity: str) -> StoredEntry | None:
        return next((entry for entry in self.entries.values() if entry.id == identity), None)

    async def at(self, author: NodeId, epoch: int, seq: int) -> StoredEntry | None:
        return self.entries.get((author, epoch, seq))

    async def all(self) -> AsyncIterator[StoredEntry]:
        for _, entry in sorted(self.entries.items()):
            if entry.standing == "good":
                yield entry

    async def carried(
        self, missing: Sequence[Missing], limit: int = ENTRIES_PER_ANSWER, to: NodeId | None = None
    ) -> Carried:
        envelopes: list[bytes] = []
        withheld: list[Missing] = []
        for one in missing:
            held = ((seq, self.entries.get((one.author, one.epoch, seq))) for seq in range(one.first, one.last + 1))
            good = ((seq, entry) for seq, entry in held if entry and (entry.standing == "good" or one.author == to))
            shown = list(islice(good, limit - len(envelopes)))
            envelopes += [entry.envelope.to_bytes() for _, entry in shown]
            withheld += unshown(one, [seq for seq, _ in shown], is_cut=len(envelopes) >= limit)
        return Carried(envelopes, withheld, has_more=len(envelopes) >= limit)

    async def hold(self, delta: Delta, envelope: Envelope) -> bool:
        of_its_author = sum(author == delta.author for author, _, _ in self.held)
        if of_its_author >= HELD_PER_AUTHOR or len(self.held) >= HELD_IN_ALL:
            return False
        self.held.setdefault(_place(delta), envelope.to_bytes())
        return True

    async def holding(self) -> set[NodeId]:
        return {author for author, _, _ in self.held}

    async def trim_held(self, room: Mapping[NodeId, tuple[int, int]]) -> None:
        """As FeedStore."""
        of = {place: room.get(place[0], (0, 0)) for place in self.held}
        self.held = {
            place: raw for place, raw in self.held.items() if place[1] == of[place][0] and place[2] <= of[place][1]
        }

    async def release(self, author: NodeId, epoch: int, seq: int) -> bytes | None:
        found = self.held.get((author, epoch, seq))
        passed = [one for one in self.held if one[:2] == (author, epoch) and one[2] <= seq]
        for place in passed:
            del self.held[place]
        return found

    async def keep_proof(self, author: NodeId, epoch: int, first: bytes, second: bytes) -> None:
        self.proofs_kept[author] = (epoch, first, second)

    async def equivocators(self) -> dict[NodeId, int]:
        return {author: proof[0] for author, proof in self.proofs_kept.items()}

    async def proofs(self, authors: Iterable[NodeId]) -> list[tuple[bytes, bytes]]:
        return [self.proofs_kept[author][1:] for author in sorted(authors)]

    # --- charters

    async def charters(self, first: int = 1) -> list[bytes]:
        return self.chain[first - 1 :]

    async def keep_chain(self, envelopes: Sequence[bytes]) -> None:
        _check(not self.chain, "one hive at a time")
        self.chain = list(envelopes)

    async def digest_at(self, version: int) -> str | None:
        held = self.chain[version - 1 : version]
        return parse_envelope(held[0], max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE).id if held else None

    async def add_charter(self, version: int, envelope: bytes, cut: Sequence[Cut] = ()) -> None:
        _check(version == len(self.chain) + 1, "one version after the other")
        self.chain.append(envelope)
        self._end_feeds(cut)

    async def switch(
        self, shared: int, envelopes: Sequence[bytes], cut: Sequence[Cut], again: Sequence[Amendment]
    ) -> None:
        self.chain[shared:] = envelopes
        self._remember(again)
        self._end_feeds(cut)

    async def to_issue_again(self) -> list[tuple[int, Amendment]]:
        return list(self.again)

    async def issued_again(self, number: int) -> None:
        self.again = [one for one in self.again if one[0] != number]

    async def proposals(self) -> list[StoredProposal]:
        return list(self.proposed.values())

    async def keep_proposal(self, proposal: StoredProposal) -> None:
        self.proposed[proposal.id] = proposal

    async def drop_proposal(self, identity: str, again: Amendment | None = None) -> None:
        self.proposed.pop(identity, None)
        self._remember([again] if again else [])

    def _remember(self, again: Sequence[Amendment]) -> None:
        self.again += enumerate(again, 1 + max((number for number, _ in self.again), default=0))

    def _end_feeds(self, cut: Sequence[Cut]) -> None:
        for author, epoch, last in cut:
            beyond = [place for place in self.entries if place[:2] == (author, epoch) and place[2] > last]
            for place in beyond:
                del self.entries[place]

    # --- the rest

    async def addresses(self) -> list[PeerAddress]:
        return []

    async def met(self, node: NodeId, host: str, port: int, source: str) -> None:
        pass

    async def failed(self, node: NodeId, retry_at: datetime) -> None:
        pass

    async def tell(self, kind: str, **data: JsonValue) -> None:
        pass

    async def keep_receipt(self, receipt: Receipt) -> None:
        pass

    async def count(self, name: str, more: int = 1) -> None:
        self.counters[name] = self.counters.get(name, 0) + more

    async def remember(self, name: str, value: JsonValue) -> None:
        self.facts[name] = value

    async def recall(self, name: str) -> JsonValue:
        return self.facts.get(name)


def _place(delta: Delta) -> Place:
    return delta.author, delta.header.epoch, delta.header.seq


def _check(holds: bool, rule: str) -> None:
    """What the database's constraints refuse is refused here."""
    if not holds:
        raise StoreError("store.constraint", rule)
