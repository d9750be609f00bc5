"""Write the published test vectors: `python -m tests.vectors.make`, from the root of the repository.

They are what another implementation of docs/protocol.md checks itself against. Keys come from fixed seeds, Ed25519
signatures are deterministic, times are fixed: the same files come out each time, and a change of them is a change of the
protocol. `tests/unit/protocol/test_published_vectors.py` holds the code to them.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, pae
from protocol.errors import Code
from protocol.ids import NodeId
from protocol.sync import have_digest, have_vector_tree
from tests.fakes.hive import CONSTITUTION, FakeHive, FakeNode, admins, base64_text, head, recipe, sealed, summary

FOLDER: Final = Path(__file__).parent

ADA, BO, CY, EVE = (FakeNode(seed) for seed in ("ada", "bo", "cy", "eve"))
P: Final = 2**255 - 19


def vectors() -> dict[str, Any]:
    """Each file's name and what it says."""
    return {
        "node_ids.json": node_ids(),
        "pae.json": signed_forms(),
        "envelopes.json": envelopes(),
        "charter_chain.json": charter_chain(),
        "have_vector.json": have_vector(),
    }


def node_ids() -> dict[str, Any]:
    refused = {
        "the identity, order 1": 1,
        "order 2": P - 1,
        "order 4": 0,
        "order 8": int.from_bytes(
            bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
        ),
        "order 8, the other y": int.from_bytes(
            bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
        ),
        "the identity, x = 0 with its sign bit set": 1 | 1 << 255,
        "the identity, y not reduced": P + 1,
        "y = p": P,
        "y = p + 3, an ordinary point not reduced": P + 3,
        "not on the curve": 2,
    }
    return {
        "about": "A node id is its Ed25519 public key in lower-case base32 without padding (§1).",
        "valid": [
            {
                "secret_key": _secret(node).hex(),
                "public_key": node.private_key.public_key().public_bytes_raw().hex(),
                "node_id": node.id,
                "certificate": base64_text(node.certificate()),
            }
            for node in (ADA, BO, CY)
        ],
        "refused_keys": [
            {"why": why, "public_key": number.to_bytes(32, "little").hex(), "code": Code.BAD_KEY}
            for why, number in refused.items()
        ],
        "refused_ids": [
            {"why": why, "node_id": text, "code": Code.BAD_KEY}
            for why, text in {
                "upper case": ADA.id.upper(),
                "padding": ADA.id + "====",
                "a spare bit": ADA.id[:-1] + {"a": "b", "q": "r"}[ADA.id[-1]],
                "one character short": ADA.id[:-1],
                "the identity point": base64.b32encode(bytes([1]) + bytes(31)).decode().rstrip("=").lower(),
            }.items()
        ],
    }


def signed_forms() -> dict[str, Any]:
    pairs = [
        ("http://example.com/HelloWorld", b"hello world"),
        (DELTA_TYPE, b"{}"),
        (CHARTER_TYPE, b""),
        (DELTA_TYPE, '{"name":"ü"}'.encode()),
        ("", b"\x00\xff"),
    ]
    return {
        "about": "What is signed (§4); payload and pae in base64. The first case is the DSSE specification's own.",
        "cases": [
            {"type": kind, "payload": base64_text(body), "pae": base64_text(pae(kind, body))} for kind, body in pairs
        ],
    }


def envelopes() -> dict[str, Any]:
    hive = FakeHive.found(ADA, BO)
    feed = hive.feed(BO, 4)
    fork = hive.entry(BO, summary(gain=0.9), seq=2, prev=feed[0].id)
    third = feed[2].to_bytes().decode()
    sig = base64_text(feed[2].signatures[0].sig)
    spare = {"A": "B", "Q": "R", "g": "h", "w": "x"}[sig[-3]]

    def variant(**header: Any) -> str:
        place: dict[str, Any] = {"seq": 3, "prev": feed[1].id}
        return hive.entry(BO, **(place | header)).to_bytes().decode()

    def signed(payload: bytes) -> str:
        return BO.seal(payload).to_bytes().decode()

    cases = {
        "the next entry": (third, "next"),
        "the next entry, a recipe": (hive.entry(BO, recipe(), seq=3, prev=feed[1].id).to_bytes().decode(), "next"),
        "the next entry, of a kind from the future": (variant(kind="telepathy"), "next"),
        "one entry ahead": (feed[3].to_bytes().decode(), "gap"),
        "a replay": (feed[1].to_bytes().decode(), "past"),
        "a second entry at a used number": (fork.to_bytes().decode(), "past"),
        "a second key in the envelope": (third.replace('"sig":', '"sig":"","sig":'), Code.DUPLICATE_KEY),
        "a member that nothing signs": (third[:-1] + ',"note":"x"}', Code.BAD_ENVELOPE),
        "base64 with a spare bit": (third.replace(sig, sig[:-3] + spare + "=="), Code.BAD_BASE64),
        "base64 with a line end": (third.replace(sig, sig + "\\n"), Code.BAD_BASE64),
        "a charter": (hive.chain[0].decode(), Code.WRONG_TYPE),
        "version 2": (third.replace("delta.v1", "delta.v2"), Code.UNSUPPORTED_VERSION),
        "signed by a stranger": (hive.entry(EVE).to_bytes().decode(), Code.NOT_A_MEMBER),
        "another member's name": (third.replace(BO.id, ADA.id), Code.BAD_SIGNATURE),
        "another entry's signature": (
            feed[3].to_bytes().decode().replace(base64_text(feed[3].signatures[0].sig), sig),
            Code.BAD_SIGNATURE,
        ),
        "a payload that is not JSON": (signed(b"{"), Code.BAD_JSON),
        "a second key in the payload": (signed(b'{"seq":1,"seq":2}'), Code.DUPLICATE_KEY),
        "a number that is none": (signed(b'{"gain":NaN}'), Code.NOT_FINITE),
        "a number beyond float64": (signed(b'{"gain":1e400}'), Code.NOT_FINITE),
        "an integer beyond 2**53": (signed(b'{"gain":9007199254740993}'), Code.NOT_FINITE),
        "17 levels": (signed(b"[" * 17 + b"]" * 17), Code.TOO_DEEP),
        "half a character": (signed(b'{"name":"\\ud800"}'), Code.BAD_JSON),
        "no fields": (signed(b"{}"), Code.BAD_SCHEMA),
        "a string in a number's place": (
            signed(feed[2].payload.replace(b'"gain":0.1', b'"gain":"0.1"')),
            Code.BAD_SCHEMA,
        ),
        "another hive": (variant(hive=FakeHive.found(BO).id), Code.WRONG_HIVE),
        "written as somebody else": (variant(author=ADA.id), Code.AUTHOR_MISMATCH),
        "an epoch that has not begun": (variant(epoch=2), Code.FUTURE_EPOCH),
        "on top of another entry": (variant(prev=fork.id), Code.BROKEN_CHAIN),
        "no prev": (variant(prev=None), Code.BROKEN_CHAIN),
        "rules that the hive never had": (variant(constitution="0" * 64), Code.WRONG_CONSTITUTION),
    }
    return {
        "about": "Each case as one line of NDJSON, against this charter and these heads (§4); entries are judged apart.",
        "charter": hive.chain[0].decode(),
        "hive": hive.id,
        "have": {BO.id: [1, 2, feed[1].id]},
        "cases": [{"name": name, "envelope": text, "outcome": outcome} for name, (text, outcome) in cases.items()],
    }


def charter_chain() -> dict[str, Any]:
    founded = FakeHive.found(ADA)
    joined = founded.amend(ADA, members=[ADA.member(), BO.member(), CY.member()])
    board = joined.amend(ADA, BO, admins=admins(ADA, BO, threshold=2))
    revoked = board.amend(
        ADA, BO, members=[ADA.member(), BO.member()], revoked=[CY.revocation(7)], constitution="f" * 64
    )
    next_payload = revoked.successor(name="fifth").payload()
    refused = {
        "version 4 again": (revoked.chain[3], Code.CHARTER_ROLLBACK),
        "an older version": (revoked.chain[1], Code.CHARTER_ROLLBACK),
        "a version skipped": (
            sealed(next_payload.replace(b'"version":5', b'"version":6'), ADA, BO),
            Code.CHARTER_CHAIN,
        ),
        "on top of another one": (
            sealed(next_payload.replace(revoked.membership.digest.encode(), b"0" * 64), ADA, BO),
            Code.CHARTER_CHAIN,
        ),
        "one admin of two": (sealed(next_payload, ADA), Code.CHARTER_THRESHOLD),
        "one admin, twice": (sealed(next_payload, ADA, ADA), Code.CHARTER_THRESHOLD),
        "an admin and one who is none": (sealed(next_payload, ADA, CY), Code.CHARTER_THRESHOLD),
        "another hive": (FakeHive.found(ADA, name="x").amend(ADA).chain[1], Code.WRONG_HIVE),
        "a field nobody knows": (
            sealed(next_payload.replace(b'{"admins"', b'{"a":1,"admins"'), ADA, BO),
            Code.BAD_SCHEMA,
        ),
        "another node's certificate": (
            sealed(
                next_payload.replace(base64_text(BO.certificate()).encode(), base64_text(ADA.certificate()).encode()),
                ADA,
                BO,
            ),
            Code.BAD_KEY,
        ),
    }
    return {
        "about": "A chain that a joiner walks (§2), then what may not follow its last version.",
        "hive": revoked.id,
        "chain": [raw.decode() for raw in revoked.chain],
        "digest": revoked.membership.digest,
        "members": sorted(revoked.membership.members),
        "revoked": {identity: one.last_seq for identity, one in revoked.membership.revoked.items()},
        "constitutions": sorted({CONSTITUTION, "f" * 64}),
        "then": {"envelope": sealed(next_payload, ADA, BO).decode(), "version": 5},
        "refused": [{"name": name, "envelope": raw.decode(), "code": code} for name, (raw, code) in refused.items()],
    }


def have_vector() -> dict[str, Any]:
    hive = FakeHive.found(ADA, BO)
    heads = {NodeId(node.id): head(hive.feed(node, length)[-1], seq=length) for node, length in ((ADA, 3), (BO, 1))}
    return {
        "about": "A have-vector and its digest (§3): SHA-256 over its JSON with sorted keys and no white space.",
        "have": have_vector_tree(heads),
        "digest": have_digest(heads),
    }


def as_text(content: Mapping[str, Any]) -> str:
    """A vector file: indented, keys in the order written above."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _secret(node: FakeNode) -> bytes:
    return node.private_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


if __name__ == "__main__":
    for name, content in vectors().items():
        (FOLDER / name).write_text(as_text(content), encoding="utf-8")
