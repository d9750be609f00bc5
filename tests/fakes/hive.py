"""A hive in memory: nodes whose keys come from fixed seeds, with their certificates, entries and charters.

Everything is a pure function of the seeds and arguments, so the same story gives the same bytes in every run.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.charter import LIFETIME, Admins, Charter, Member, Revocation, stamp
from protocol.deltas import KIND_OF, Body, Costs, Delta, Edit, Header, Measured, Metric, Moments, Recipe, Summary
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, Envelope
from protocol.feed import Head
from protocol.ids import EntryId, HiveId, NodeId, node_id
from protocol.signing import seal
from protocol.verification import Membership, verify_first_charter, verify_next_charter

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
CONSTITUTION: Final = sha256(b"the constitution of the tests").hexdigest()
TASK: Final = sha256(b"the task of the tests").hexdigest()


@dataclass(frozen=True)
class FakeSigner:
    """A key in memory; satisfies `protocol.signing.Signer`."""

    private_key: Ed25519PrivateKey

    @cached_property
    def node_id(self) -> NodeId:
        return node_id(self.private_key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self.private_key.sign(message)


@dataclass(frozen=True)
class FakeNode:
    """A node with the key that `seed` gives. Two with one seed are the same node."""

    seed: str

    @cached_property
    def private_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(sha256(b"hive-node test key " + self.seed.encode()).digest())

    @cached_property
    def signer(self) -> FakeSigner:
        return FakeSigner(self.private_key)

    @property
    def id(self) -> NodeId:
        return self.signer.node_id

    def certificate(self, common_name: str | None = None) -> bytes:
        """Its self-signed certificate, DER; CN = node id unless told otherwise."""
        return _certificate(self, self.id if common_name is None else common_name)

    def member(self, *, owner: str | None = None, name: str | None = None, epoch: int = 1) -> Member:
        """It, as a charter lists it; owner and name are its seed unless told otherwise."""
        return Member(
            id=self.id,
            certificate=base64_text(self.certificate()),
            owner=owner or self.seed,
            name=name or self.seed,
            joined_at=stamp(NOW),
            epoch=epoch,
        )

    def revocation(self, last_seq: int, *, epoch: int = 1, keep_history: bool = False) -> Revocation:
        """Its dismissal after `last_seq`."""
        return Revocation(
            id=self.id, at=stamp(NOW), last_seq=last_seq, reason="left", epoch=epoch, keep_history=keep_history
        )

    def delta(self, body: Body, /, seq: int = 1, prev: str | None = None, *, hive: str, **header: Any) -> Envelope:
        """Its signed entry saying `body`; `header` overrides any field of the header."""
        fields = {
            "hive": hive,
            "author": self.id,
            "epoch": 1,
            "seq": seq,
            "prev": prev,
            "issued_at": stamp(NOW),
            "kind": KIND_OF[type(body)],
            "constitution": CONSTITUTION,
        } | header
        return self.seal(Delta.compose(Header.model_validate(fields), body).payload())

    def charter(self, *others: "FakeNode", **changes: Any) -> Envelope:
        """Version 1 of a hive that it founds with `others`: it is the one admin, unless `changes` say otherwise."""
        return self.seal(first_charter(self, *others, **changes).payload(), CHARTER_TYPE)

    def seal(self, payload: bytes, payload_type: str = DELTA_TYPE) -> Envelope:
        """Any bytes under its signature, sense or nonsense."""
        return seal(payload_type, payload, [self.signer])


@dataclass(frozen=True)
class FakeHive:
    """A hive as its charters say it is. Values only: `amend` gives the next one.

    chain: every charter from version 1, as it travels.
    """

    membership: Membership
    chain: tuple[bytes, ...]

    @classmethod
    def found(cls, *nodes: FakeNode, signers: Iterable[FakeNode] = (), **changes: Any) -> "FakeHive":
        """The hive of `nodes`; the first is the admin and signs, unless `changes` and `signers` say otherwise."""
        payload = first_charter(*nodes, **changes).payload()
        raw = sealed(payload, *(tuple(signers) or nodes[:1]))
        return cls(verify_first_charter(raw), (raw,))

    @property
    def id(self) -> HiveId:
        return self.membership.hive

    def successor(self, **changes: Any) -> Charter:
        """The next version of its charter, still to be signed."""
        return self.membership.charter.succeed(self.id, self.membership.digest, NOW, **changes)

    def amend(self, *signers: FakeNode, **changes: Any) -> "FakeHive":
        """The hive after the next charter with `changes`, signed by `signers`. Raises as verification does."""
        raw = sealed(self.successor(**changes).payload(), *signers)
        return FakeHive(verify_next_charter(raw, self.membership), (*self.chain, raw))

    def entry(
        self, author: FakeNode, body: Body | None = None, /, seq: int = 1, prev: str | None = None, **header: Any
    ) -> Envelope:
        """An entry of `author` in this hive; a plain summary unless told otherwise."""
        return author.delta(body or summary(), seq, prev, **({"hive": self.id} | header))

    def feed(self, author: FakeNode, length: int, /, **header: Any) -> list[Envelope]:
        """The first `length` entries of `author`'s feed, chained."""
        entries: list[Envelope] = []
        for seq in range(1, length + 1):
            entries.append(self.entry(author, seq=seq, prev=entries[-1].id if entries else None, **header))
        return entries


def first_charter(*nodes: FakeNode, **changes: Any) -> Charter:
    """Version 1 of the hive of `nodes`, whose first is the admin."""
    fields = {
        "hive": "",
        "version": 1,
        "previous": None,
        "name": "test hive",
        "issued_at": stamp(NOW),
        "expires_at": stamp(NOW + LIFETIME),
        "admins": admins(nodes[0]),
        "members": [node.member() for node in nodes],
        "constitution": CONSTITUTION,
    }
    return Charter.model_validate(fields | changes)


def admins(*nodes: FakeNode, threshold: int = 1) -> Admins:
    """Those nodes as the admins of a charter."""
    return Admins(threshold=threshold, ids=tuple(node.id for node in nodes))


def sealed(charter_payload: bytes, *signers: FakeNode) -> bytes:
    """A charter's payload under the signatures of `signers`, as it travels."""
    return seal(CHARTER_TYPE, charter_payload, [node.signer for node in signers]).to_bytes()


def head(envelope: Envelope, *, seq: int, epoch: int = 1) -> Head:
    """The head of a feed that ends with `envelope`."""
    return Head(epoch, seq, EntryId(envelope.id))


def summary(gain: float = 0.1, **changes: Any) -> Summary:
    """A small honest summary."""
    fields: dict[str, Any] = {
        "task": TASK,
        "project": "demo",
        "metric": Metric(name="seconds", direction="lower"),
        "experiment": "first",
        "baseline": Moments(n=8, mean=1.0, sd=0.05),
        "champion": Moments(n=8, mean=1.0 - gain, sd=0.05),
        "gain": gain,
        "costs": Costs(trials=16, wall_s=20.0),
        "environment": "linux-x86_64",
    }
    return Summary.model_validate(fields | changes)


def recipe(**changes: Any) -> Recipe:
    """A small honest recipe: one edit of one file."""
    fields: dict[str, Any] = {
        "task": TASK,
        "project": "demo",
        "metric": Metric(name="seconds", direction="lower"),
        "files": {"src/codec.py": sha256(b"before").hexdigest()},
        "edits": [Edit(path="src/codec.py", search="WINDOW = 8", replace="WINDOW = 12")],
        "idea": "a wider window",
        "operator": "tune",
        "evidence": measured(),
        "environment": "linux-x86_64",
    }
    return Recipe.model_validate(fields | changes)


def measured(gain: float = 0.1) -> Measured:
    """Evidence of a clear gain."""
    return Measured(pairs=12, gain=gain, lower=gain / 2, e_value=40.0, noise=0.02)


def base64_text(data: bytes) -> str:
    """`data` in the one base64 that the protocol takes."""
    return b64encode(data).decode("ascii")


@lru_cache(maxsize=256)
def _certificate(node: FakeNode, common_name: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=node.private_key.public_key(),
        serial_number=1,
        not_valid_before=NOW - timedelta(days=1),
        not_valid_after=NOW + timedelta(days=36_500),
    )
    return builder.sign(node.private_key, None).public_bytes(Encoding.DER)
