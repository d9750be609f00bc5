"""Verify an export of deltas without a node: every signature, every chain, every byte. Reads only what it is handed.

The file is NDJSON as `delta export` writes it, and strictly so: each line is an envelope in the one form that this protocol
writes it in, and ends in a newline. Nothing in it is free, so that one changed byte anywhere is found.

What a file cannot show: entries that were cut off the end of a feed, and whether an author is a member of the hive.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidSignature

from protocol.deltas import Delta
from protocol.envelope import DELTA_TYPE, Envelope, pae, parse_envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head, Place, place
from protocol.ids import public_key
from protocol.limits import ENVELOPE_BYTES

EMPTY: Final = "empty"
NOT_CANONICAL: Final = "not-canonical"
CUT_OFF: Final = "cut-off"
# A file that is none of ours has a flaw in every line; a person needs the first ones.
_MOST_FLAWS: Final = 100


@dataclass(frozen=True, slots=True)
class Flaw:
    """line: from 1. code: stable, the protocol's own where it has one."""

    line: int
    code: str
    detail: str


@dataclass(slots=True)
class Findings:
    """What a file amounts to. entries: lines without a flaw of their own. authors, kinds: how many of them each has."""

    entries: int = 0
    hive: str | None = None
    authors: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    flaws: list[Flaw] = field(default_factory=list)


def verify_export(file: BinaryIO) -> Findings:
    """Read a whole export. Never raises for what it holds; holds no more of it than a line and the feeds' heads."""
    found = Findings()
    heads: dict[tuple[str, int], Head] = {}
    number = 0
    for number, line in enumerate(_lines(file), 1):
        try:
            _check_line(line, heads, found)
        except _FlawError as flaw:
            found.flaws.append(Flaw(number, flaw.code, flaw.detail))
        except RemoteProtocolError as error:
            found.flaws.append(Flaw(number, str(error.code), error.detail))
        if len(found.flaws) >= _MOST_FLAWS:
            return found
    if number == 0:
        found.flaws.append(Flaw(1, EMPTY, "the file holds no entry"))
    return found


class _FlawError(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def _lines(file: BinaryIO) -> Iterator[bytes]:
    # A piece of a line that is longer than any envelope is a line of its own, refused for its size.
    while line := file.readline(ENVELOPE_BYTES + 2):
        yield line


def _check_line(line: bytes, heads: dict[tuple[str, int], Head], found: Findings) -> None:
    if len(line) > ENVELOPE_BYTES + 1:
        raise RemoteProtocolError(Code.TOO_LARGE, f"an envelope has at most {ENVELOPE_BYTES} bytes")
    if not line.endswith(b"\n"):
        raise _FlawError(CUT_OFF, "the line does not end in a newline")
    envelope = parse_envelope(line[:-1], max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
    if envelope.to_bytes() != line[:-1]:
        raise _FlawError(NOT_CANONICAL, "the envelope is not spelt as it was exported")
    delta = _signed_delta(envelope)
    found.hive = found.hive or delta.hive
    if delta.hive != found.hive:
        raise RemoteProtocolError(Code.WRONG_HIVE, "an entry of another hive than the file's first")
    _check_place(delta, envelope, heads)
    found.entries += 1
    found.authors[delta.author] += 1
    found.kinds[delta.kind] += 1


def _signed_delta(envelope: Envelope) -> Delta:
    if len(envelope.signatures) != 1:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "an entry has one signature, its author's")
    signature = envelope.signatures[0]
    try:
        public_key(signature.keyid).verify(signature.sig, pae(envelope.payload_type, envelope.payload))
    except InvalidSignature:
        raise RemoteProtocolError(Code.BAD_SIGNATURE, "the signature does not cover these bytes") from None
    delta = Delta.parse(envelope.payload)
    if delta.author != signature.keyid:
        raise RemoteProtocolError(Code.AUTHOR_MISMATCH, "signed by another node than it names")
    return delta


def _check_place(delta: Delta, envelope: Envelope, heads: dict[tuple[str, int], Head]) -> None:
    header = delta.header
    feed = (header.author, header.epoch)
    head = heads.get(feed)
    # From here on the chain is looked at from this entry: one gap is one flaw, not one for each line after it.
    heads[feed] = Head(header.epoch, header.seq, envelope.id)
    match place(header, head, header.epoch):
        case Place.GAP:
            raise RemoteProtocolError(
                Code.BROKEN_CHAIN, f"number {header.seq} follows {head.seq if head else 'nothing'}"
            )
        case Place.PAST:
            is_second = head is not None and head.seq == header.seq and head.id != envelope.id
            code = Code.EQUIVOCATION if is_second else Code.BROKEN_CHAIN
            raise RemoteProtocolError(code, f"number {header.seq} comes a second time")
        case Place.NEXT:
            return
