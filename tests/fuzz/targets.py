"""What reads a stranger's bytes, what it is given to begin with, and how far each input came."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_interface
from random import Random
from typing import Any

from hive_node.adapters.clock import SystemChance
from hive_node.adapters.interfaces import LocalAddress
from hive_node.adapters.invites import Token, message, proof
from hive_node.adapters.join_request import JoinRequest
from hive_node.adapters.recognising import Recogniser, tag
from hive_node.adapters.told import told_by
from hive_node.ports import Fault
from protocol.deltas import Delta
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, parse_envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import node_id_of_certificate, parse_node_id
from protocol.limits import ENVELOPE_BYTES
from protocol.messages import SyncRequest, SyncTail, parse_sync_request, parse_sync_tail
from protocol.sync import LineReader
from protocol.verification import Verified, verify_entry, verify_next_charter, verify_proof
from protocol.wire import dump_json, parse_object
from tests.fakes.hive import FakeHive, FakeNode, base64_text, head, recipe, summary
from tests.fuzz.mutations import mutated, rewritten

ADA, BO = FakeNode("ada"), FakeNode("bo")
HIVE = FakeHive.found(ADA, BO)
FEED = HIVE.feed(BO, 3)
HELD = {BO.id: head(FEED[0], seq=1)}
SIGNED = {one.id for one in FEED}
BODIES = [summary(), recipe(guards={"memory": 1.0})]
DELTAS = [json.loads(HIVE.entry(BO, body).payload) for body in BODIES]
NEXT = HIVE.amend(ADA, name="renamed").chain[1]
CHARTER = json.loads(HIVE.successor().payload())
HEAD = Head(1, 3, FEED[2].id)
TODAY, NEAR = date(2026, 1, 1), ip_address("192.0.2.9")
SAID = message(HIVE.id, ADA.id, "ab", "bm9uY2U=", BO.certificate(), "bo", "bo")
JOINING = {
    "invite": "ab",
    "nonce": "bm9uY2U=",
    "node": BO.id,
    "certificate": base64_text(BO.certificate()),
    "owner": "bo",
    "name": "bo",
    "proof": proof(b"secret", SAID),
    "signature": base64_text(BO.signer.sign(SAID)),
}
TOKEN = Token(HIVE.id, ADA.id, "ab", bytes(16), (("192.0.2.1", 7741),), datetime(2026, 1, 2, tzinfo=UTC))
REQUEST = SyncRequest({BO.id: HEAD}, (), frozenset({ADA.id}))
TAIL = SyncTail({BO.id: HEAD}, (), ((FEED[0].to_bytes(), FEED[1].to_bytes()),))


@dataclass(frozen=True)
class Target:
    """make: one input. read: how far it came; a refusal by its code is as good as any other end. share: of all inputs."""

    make: Callable[[Random], bytes]
    read: Callable[[bytes], str]
    share: int


def ended(target: Target, raw: bytes) -> str:
    """`read`, with the code of what was refused. Raises whatever else comes out: that is what is looked for."""
    try:
        return target.read(raw)
    except RemoteProtocolError as error:
        return Code(error.code)
    except Fault as fault:
        return fault.code


def entry(raw: bytes) -> str:
    found = verify_entry(raw, HIVE.membership, HELD)
    assert found.envelope.id in SIGNED, "an entry that nobody signed"
    return "verified" if isinstance(found, Verified) else found.place


def resigned_entry(raw: bytes) -> str:
    found = verify_entry(BO.seal(raw).to_bytes(), HIVE.membership, {})
    delta = found.value if isinstance(found, Verified) else found.delta
    assert (delta.hive, delta.author, delta.raw) == (HIVE.id, BO.id, raw)
    dump_json(delta.tree())
    return "verified" if isinstance(found, Verified) else found.place


def resigned_charter(raw: bytes) -> str:
    found = verify_next_charter(ADA.seal(raw, CHARTER_TYPE).to_bytes(), HIVE.membership)
    assert found.charter.version == 2
    assert set(found.charter.admins.ids) <= found.members.keys()
    return "verified"


def charter(raw: bytes) -> str:
    assert verify_next_charter(raw, HIVE.membership).charter.name == "renamed", "a charter that nobody signed"
    return "verified"


def envelope(raw: bytes) -> str:
    found = parse_envelope(raw, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
    assert parse_envelope(found.to_bytes(), max_bytes=2 * ENVELOPE_BYTES, payload_type=DELTA_TYPE) == found
    return "read"


def equivocation(raw: bytes) -> str:
    return str(verify_proof(raw, FEED[1].to_bytes(), HIVE.membership).seq)


def request(raw: bytes) -> str:
    found = parse_sync_request(raw)
    assert parse_sync_request(found.to_json()) == found
    return "read"


def tail(raw: bytes) -> str:
    parse_sync_tail(raw).to_json()
    return "read"


def lines(raw: bytes) -> str:
    reader = LineReader(64, 4)
    at = raw[0] % (len(raw) + 1) if raw else 0
    found = [*reader.feed(raw[:at]), *reader.feed(raw[at:]), *reader.close()]
    assert all(one.strip() and b"\n" not in one and len(one) <= 64 for one in found)
    return "read"


def joining(raw: bytes) -> str:
    said = JoinRequest.read(parse_object(raw))
    said.check_key(said.message(HIVE.id, ADA.id))
    return "proved"


def token(raw: bytes) -> str:
    found = Token.parse(raw.decode("utf-8", "replace"))
    assert Token.parse(found.text()) == found
    return "read"


def certificate(raw: bytes) -> str:
    assert node_id_of_certificate(raw) == BO.id, "a certificate for a key that signed no such thing"
    return "read"


def identity(raw: bytes) -> str:
    parse_node_id(raw.decode("utf-8", "replace"))
    return "read"


def hints(raw: bytes) -> str:
    names = ("X-Hive-Port", "X-Hive-Charter", "X-Hive-Have")
    found = told_by(dict(zip(names, raw.decode("latin-1").split("|"), strict=False)))
    assert 0 <= found.port < 65_536
    assert 0 <= found.charter_version < 10**6
    return "told" if found.port or found.have else "nothing"


def announcement(raw: bytes) -> str:
    beside = LocalAddress("eth0", 2, ip_interface("192.0.2.1/24"))
    recogniser = Recogniser(HIVE.id, [beside], SystemChance())
    version, _, given = raw.partition(b"|")
    recogniser.hear("hn-0", {b"v": version, b"h": given or None}, 7740, [NEAR], today=TODAY, now=0.0)
    return "suggested" if recogniser.due(0.0) else "ignored"


def delta(raw: bytes) -> str:
    return str(Delta.parse(raw).kind in {"summary", "recipe"})


def of_bytes(*seeds: bytes) -> Callable[[Random], bytes]:
    return lambda random: mutated(random.choice(seeds), random)


def of_json(*trees: Any) -> Callable[[Random], bytes]:
    return lambda random: rewritten(random.choice(trees), random)


_ENTRIES = [one.to_bytes() for one in FEED]
TARGETS = {
    "entry": Target(of_bytes(*_ENTRIES), entry, 24),
    "entry, its envelope rewritten": Target(of_json(*map(json.loads, _ENTRIES)), entry, 8),
    "entry, rewritten and signed": Target(of_json(*DELTAS), resigned_entry, 12),
    "entry, mutated and signed": Target(of_bytes(*(dump_json(one) for one in DELTAS)), resigned_entry, 8),
    "delta": Target(of_json(*DELTAS), delta, 8),
    "envelope": Target(of_json(*map(json.loads, _ENTRIES)), envelope, 6),
    "proof of equivocation": Target(of_bytes(*_ENTRIES), equivocation, 2),
    "charter": Target(of_bytes(NEXT), charter, 6),
    "charter, rewritten and signed": Target(of_json(CHARTER), resigned_charter, 4),
    "sync request": Target(of_json(json.loads(REQUEST.to_json())), request, 4),
    "sync request, mutated": Target(of_bytes(REQUEST.to_json()), request, 3),
    "end of a sync answer": Target(of_json(json.loads(TAIL.to_json())), tail, 3),
    "lines": Target(of_bytes(b"one\ntwo\r\n\n" + b"x" * 60), lines, 3),
    "join request": Target(of_json(JOINING), joining, 2),
    "invite": Target(of_bytes(TOKEN.text().encode()), token, 2),
    "certificate": Target(of_bytes(BO.certificate()), certificate, 1),
    "node id": Target(of_bytes(BO.id.encode()), identity, 1),
    "hints": Target(of_bytes(b"7740|12|" + b"0" * 64), hints, 2),
    "announcement": Target(of_bytes(f"1|{tag(HIVE.id, 'hn-0', TODAY)}".encode()), announcement, 1),
}
