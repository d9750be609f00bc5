"""What two nodes say to one another when they reconcile: the request, and the line that ends the answer (docs/protocol.md §3.8)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import NodeId
from protocol.limits import ENTRIES_PER_ANSWER, ENVELOPE_BYTES, INTEGER_MAX, MEMBERS, WANTED
from protocol.sync import HaveVector, Missing, have_vector_tree, parse_author, parse_have_vector
from protocol.wire import JsonValue, dump_json, parse_object

# The end of every feed, and every second number of those that an answer holds.
_WITHHELD: Final = MEMBERS + ENTRIES_PER_ANSWER
# The two envelopes of a proof of equivocation, as they travel.
Pair: TypeAlias = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What the asker has.

    wanted: numbers below its heads that it lacks, as somebody's scope guard withheld them. proven: authors of whom it keeps
    a proof of equivocation: neither their entries nor the proof are of use to it.
    """

    have: HaveVector
    wanted: tuple[Missing, ...] = ()
    proven: frozenset[NodeId] = frozenset()

    def to_json(self) -> bytes:
        """As it travels."""
        tree: dict[str, JsonValue] = {"have": have_vector_tree(self.have)}
        if self.wanted:
            tree["wanted"] = _spans_tree(self.wanted)
        if self.proven:
            tree["proven"] = [*sorted(self.proven)]
        return dump_json(tree)


@dataclass(frozen=True, slots=True)
class SyncTail:
    """The end of an answer.

    have: the last entry that the answerer took in of each author. withheld: numbers that the asker lacks and that its scope
    guard, or somebody's before it, does not let it send. proofs: of equivocation, unverified. has_more: ask again.
    """

    have: Mapping[NodeId, Head]
    withheld: tuple[Missing, ...] = ()
    proofs: tuple[Pair, ...] = ()
    has_more: bool = False

    def to_json(self) -> bytes:
        """As it travels."""
        tree: dict[str, JsonValue] = {"have": have_vector_tree(self.have), "more": self.has_more}
        if self.withheld:
            tree["withheld"] = _spans_tree(self.withheld)
        if self.proofs:
            tree["proofs"] = [[parse_object(one) for one in pair] for pair in self.proofs]
        return dump_json(tree)


def parse_sync_request(raw: bytes) -> SyncRequest:
    """The body of a `POST /hive/v1/sync`. Raises RemoteProtocolError."""
    tree = parse_object(raw)
    return SyncRequest(
        have=parse_have_vector(tree.get("have")),
        wanted=_spans(tree.get("wanted", []), WANTED),
        proven=frozenset(parse_author(one) for one in _items(tree.get("proven", []), MEMBERS)),
    )


def parse_sync_tail(raw: bytes) -> SyncTail:
    """The last line of its answer. Raises RemoteProtocolError."""
    tree = parse_object(raw)
    return SyncTail(
        have=parse_have_vector(tree.get("have")),
        withheld=_spans(tree.get("withheld", []), _WITHHELD),
        proofs=tuple(_pair(one) for one in _items(tree.get("proofs", []), MEMBERS)),
        has_more=tree.get("more") is True,
    )


def fitting_proofs(kept: Iterable[Pair]) -> tuple[Pair, ...]:
    """As many of the first as end one answer: the size of the largest proof there is, and one in any case."""
    fitting: list[Pair] = []
    room = 2 * ENVELOPE_BYTES
    for pair in kept:
        room -= sum(len(one) for one in pair)
        if fitting and room < 0:
            break
        fitting.append(pair)
    return tuple(fitting)


def _spans_tree(spans: Sequence[Missing]) -> JsonValue:
    return [[span.author, span.epoch, span.first, span.last] for span in spans]


def _spans(value: JsonValue, most: int) -> tuple[Missing, ...]:
    return tuple(_span(one) for one in _items(value, most))


def _span(value: JsonValue) -> Missing:
    match value:
        case [_, *numbers] if any(isinstance(number, bool) for number in numbers):
            pass
        case [str(author), int(epoch), int(first), int(last)] if (
            1 <= epoch <= INTEGER_MAX and 1 <= first <= last <= INTEGER_MAX
        ):
            return Missing(parse_author(author), epoch, first, last)
    raise RemoteProtocolError(Code.BAD_SCHEMA, "a part of a feed is [author, epoch, first, last]")


def _pair(value: JsonValue) -> Pair:
    match value:
        case [dict() as first, dict() as second]:
            return dump_json(first), dump_json(second)
    raise RemoteProtocolError(Code.BAD_SCHEMA, "a proof is two envelopes")


def _items(value: JsonValue, most: int) -> list[JsonValue]:
    if not isinstance(value, list):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "a list belongs here")
    if len(value) > most:
        raise RemoteProtocolError(Code.TOO_MANY, f"at most {most} items here")
    return value
