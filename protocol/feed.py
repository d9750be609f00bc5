"""The rules of a feed: one author, one chain, each number once (docs/protocol.md §5)."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.deltas import Header
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import EntryId


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry held of an author's feed: its epoch, its number and its id."""

    epoch: int
    seq: int
    id: EntryId


class Place(StrEnum):
    """Where an entry stands relative to what is held."""

    NEXT = "next"  # the one that follows the head
    GAP = "gap"  # further ahead: entries between are missing
    PAST = "past"  # at or before the head: a duplicate, or a second entry at a used number


def place(header: Header, head: Head | None, member_epoch: int) -> Place:
    """Where the entry under `header` stands in its author's feed, of which `head` is held.

    Raises RemoteProtocolError: old-epoch, future-epoch, broken-chain (its `prev` is not what is held before it).
    """
    if header.epoch < member_epoch:
        raise RemoteProtocolError(Code.OLD_EPOCH, f"the author's epoch is {member_epoch}")
    if header.epoch > member_epoch:
        raise RemoteProtocolError(Code.FUTURE_EPOCH, f"the author's epoch is {member_epoch}")
    if (header.seq == 1) != (header.prev is None):
        raise RemoteProtocolError(Code.BROKEN_CHAIN, "prev is null at number 1 and nowhere else")
    held = head if head is not None and head.epoch == header.epoch else None
    last = held.seq if held else 0
    if header.seq <= last:
        return Place.PAST
    if header.seq > last + 1:
        return Place.GAP
    if held and header.prev != held.id:
        raise RemoteProtocolError(Code.BROKEN_CHAIN, "prev is not the entry held before this one")
    return Place.NEXT
