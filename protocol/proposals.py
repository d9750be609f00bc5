"""What admins' nodes tell one another of changes that are not yet signed by enough of them (docs/protocol.md §2.13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from protocol.errors import Code, RemoteProtocolError
from protocol.limits import CHARTER_BYTES, LIST_ITEMS, PROPOSALS
from protocol.wire import JsonValue, dump_json, parse_object

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(r"[a-z2-7]{51}[aq]")
# The first line, and a proposal a line.
LINES: Final = PROPOSALS + 1
LINE_BYTES: Final = CHARTER_BYTES


@dataclass(frozen=True, slots=True)
class Held:
    """A proposal that a node holds: who has signed it there, and whether the node turned it down."""

    signers: tuple[str, ...]
    is_turned_down: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """held: by the digest of the proposal's payload. envelopes: those that the other side seems to lack."""

    held: Mapping[str, Held]
    envelopes: tuple[bytes, ...]

    def lines(self) -> list[bytes]:
        """As it travels: what is held, then an envelope a line."""
        tree: JsonValue = {
            name: {"signers": list(one.signers), "turned_down": one.is_turned_down} for name, one in self.held.items()
        }
        return [dump_json({"held": tree}), *self.envelopes]


def parse_offer(lines: list[bytes]) -> Offer:
    """What `Offer.lines` wrote; the envelopes are not looked at. Raises RemoteProtocolError(bad-schema) and JSON's codes."""
    if not lines or len(lines) > LINES:
        raise RemoteProtocolError(
            Code.BAD_SCHEMA, f"an offer has one line that says what is held, and at most {PROPOSALS} more"
        )
    held = parse_object(lines[0]).get("held")
    if not isinstance(held, dict) or len(held) > PROPOSALS:
        raise RemoteProtocolError(Code.BAD_SCHEMA, f"held is an object of at most {PROPOSALS}")
    return Offer({name: _held(name, value) for name, value in held.items()}, tuple(lines[1:]))


def _held(name: str, value: JsonValue) -> Held:
    if not _DIGEST.fullmatch(name) or not isinstance(value, dict):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "held gives an object for each digest")
    signers, turned_down = value.get("signers"), value.get("turned_down")
    if not isinstance(signers, list) or len(signers) > 2 * LIST_ITEMS or not isinstance(turned_down, bool):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "a proposal has signers and turned_down")
    if not all(isinstance(one, str) and _KEY.fullmatch(one) for one in signers):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "a signer is a node id")
    return Held(tuple(map(str, signers)), turned_down)
