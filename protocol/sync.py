"""Reconciliation: who has which entries, and which lines to send (docs/protocol.md §3, §7)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import EntryId, NodeId, sha256_hex
from protocol.limits import BLANK_LINES, ENVELOPE_BYTES, INTEGER_MAX, MEMBERS
from protocol.wire import JsonValue, dump_json

HaveVector = Mapping[NodeId, Head]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# 52 characters hold 260 bits: the last one's four spare bits are zero.
_NODE_ID: Final = re.compile(r"[a-z2-7]{51}[aq]")


def have_vector_tree(heads: HaveVector) -> JsonValue:
    """`{author: [epoch, seq, head]}`, as it travels."""
    return {author: [head.epoch, head.seq, head.id] for author, head in heads.items()}


def parse_have_vector(value: JsonValue) -> dict[NodeId, Head]:
    """The have-vector that a peer sent. Raises RemoteProtocolError(bad-schema, bad-key, too-many)."""
    if not isinstance(value, dict):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "have is an object of author: [epoch, seq, head]")
    if len(value) > MEMBERS:
        raise RemoteProtocolError(Code.TOO_MANY, f"a have-vector names at most {MEMBERS} authors")
    return {parse_author(author): _head(one) for author, one in value.items()}


def parse_author(text: JsonValue) -> NodeId:
    """An author that a peer names. Raises RemoteProtocolError(bad-key)."""
    # Compared with ids that are held, never used as a key, so the spelling is enough: the curve's arithmetic for 1 000
    # invented ids takes 0.2 s, and would push the members' own keys out of the cache.
    if not isinstance(text, str) or not _NODE_ID.fullmatch(text):
        raise RemoteProtocolError(Code.BAD_KEY, "an author is a node id")
    return NodeId(text)


def have_digest(heads: HaveVector) -> str:
    """SHA-256 over the have-vector: equal exactly when two nodes hold the same feeds."""
    return sha256_hex(dump_json(have_vector_tree(heads)))


@dataclass(frozen=True, slots=True)
class Missing:
    """Entries of one author that somebody lacks: numbers first..last of one epoch, both included."""

    author: NodeId
    epoch: int
    first: int
    last: int


def missing(ours: HaveVector, theirs: HaveVector) -> list[Missing]:
    """What we hold and they lack, author by author in the order of their ids."""
    ranges: list[Missing] = []
    for author, head in sorted(ours.items()):
        held = theirs.get(author)
        first = held.seq + 1 if held and held.epoch == head.epoch else 1
        if not (held and held.epoch > head.epoch) and first <= head.seq:
            ranges.append(Missing(author, head.epoch, first, head.seq))
    return ranges


def unshown(wanted: Missing, shown: Sequence[int], *, is_cut: bool) -> list[Missing]:
    """The numbers of a range that are not among `shown`, ascending; is_cut: what is after the last of them was not looked at."""
    ends = [wanted.first - 1, *shown, *([] if is_cut else [wanted.last + 1])]
    steps = ((before + 1, after - 1) for before, after in pairwise(ends))
    return [replace(wanted, first=first, last=last) for first, last in steps if first <= last]


def held_parts(ours: HaveVector, wanted: Iterable[Missing]) -> list[Missing]:
    """Of ranges that somebody wants what lies below our heads."""
    heads = ((one, ours.get(one.author)) for one in wanted)
    cut = [
        replace(one, last=min(one.last, head.seq))
        for one, head in heads
        if head is not None and head.epoch == one.epoch
    ]
    return [one for one in cut if one.first <= one.last]


def lacks_the_end(span: Missing, ours: HaveVector, theirs: HaveVector) -> bool:
    """Whether those numbers are all that their feed has beyond ours: then it ends with ours, as far as it can be shown."""
    held, head = ours.get(span.author), theirs.get(span.author)
    begins = held.seq + 1 if held and held.epoch == span.epoch else 1
    return head is not None and (head.epoch, head.seq) == (span.epoch, span.last) and span.first <= begins


def shared_places(ours: HaveVector, theirs: HaveVector) -> dict[NodeId, Head]:
    """Of each author whose feed both sides hold to different ends: the nearer end, which the other side passed.

    What both hold there is one entry, or its author signed two.
    """
    pairs = ((author, held, theirs[author]) for author, held in ours.items() if author in theirs)
    return {author: min(held, head, key=_seq) for author, held, head in pairs if _is_uneven(held, head)}


def asking_for(theirs: HaveVector, places: HaveVector) -> dict[NodeId, Head]:
    """A have-vector that makes the other side, which has `theirs`, send what it holds at `places` and after, and no more."""
    before = {author: Head(place.epoch, place.seq - 1, place.id) for author, place in places.items() if place.seq > 1}
    return {author: head for author, head in theirs.items() if author not in places} | before


@dataclass(slots=True)
class LineReader:
    """Cuts a stream of bytes into NDJSON lines without ever holding more than one line beyond its limit."""

    max_line_bytes: int = ENVELOPE_BYTES
    max_blank_lines: int = BLANK_LINES
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes, without their line ends; blank ones are left out.

        Raises RemoteProtocolError: too-large as soon as a line cannot end within the limit, too-many over the blank ones.
        """
        # Only what is new is searched: a peer that sends byte by byte would else have each line walked 65 536 times.
        *ends, rest = data.split(b"\n")
        for end in ends:
            line, self._rest = bytes(self._rest) + end, bytearray()
            yield from self._checked(line)
        self._rest += rest
        if len(self._rest) > self.max_line_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"a line has at most {self.max_line_bytes} bytes")

    def close(self) -> Iterator[bytes]:
        """The last line, if it had no line end."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            yield from self._checked(rest)

    def _checked(self, line: bytes) -> Iterator[bytes]:
        if len(line) > self.max_line_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"a line has at most {self.max_line_bytes} bytes")
        if line.strip():
            yield line
            return
        self.max_blank_lines -= 1
        if self.max_blank_lines < 0:
            raise RemoteProtocolError(Code.TOO_MANY, "too many blank lines")


def _seq(head: Head) -> int:
    return head.seq


def _is_uneven(held: Head, head: Head) -> bool:
    return held.epoch == head.epoch and held.id != head.id


def _head(value: JsonValue) -> Head:
    match value:
        case [bool(), *_] | [_, bool(), *_]:
            pass
        case [int(epoch), int(seq), str(digest)] if (
            1 <= epoch <= INTEGER_MAX and 1 <= seq <= INTEGER_MAX and _DIGEST.fullmatch(digest)
        ):
            return Head(epoch, seq, EntryId(digest))
    raise RemoteProtocolError(Code.BAD_SCHEMA, "a head is [epoch, seq, digest]")
