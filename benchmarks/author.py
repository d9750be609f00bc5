"""Entries of ordinary size, signed as a node signs them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hive_node.adapters.keyfile import NodeKey
from protocol.charter import stamp
from protocol.deltas import (
    KIND_OF,
    Body,
    Costs,
    Delta,
    Edit,
    Header,
    Measured,
    Metric,
    Moments,
    Outcomes,
    Recipe,
    Summary,
)
from protocol.envelope import DELTA_TYPE, Envelope
from protocol.ids import HiveId, sha256_hex
from protocol.signing import seal

_WORDS = (
    "cache",
    "window",
    "match",
    "table",
    "bucket",
    "probe",
    "hash",
    "branch",
    "buffer",
    "literal",
    "chain",
    "lookup",
)
_TASK = sha256_hex(b"benchmarks")


@dataclass(slots=True)
class Author:
    """A key and its feed, written entry by entry."""

    key: NodeKey
    hive: HiveId
    constitution: str
    seq: int = 0
    last: Envelope | None = None

    def say(self, body: Body) -> Envelope:
        """The next entry of the feed."""
        self.seq += 1
        header = Header(
            hive=self.hive,
            author=self.key.node_id,
            epoch=1,
            seq=self.seq,
            prev=self.last.id if self.last else None,
            issued_at=stamp(datetime.now(UTC)),
            kind=KIND_OF[type(body)],
            constitution=self.constitution,
        )
        self.last = seal(DELTA_TYPE, Delta.compose(header, body).payload(), [self.key])
        return self.last


def new_key() -> NodeKey:
    """A key that is never stored."""
    return NodeKey(Ed25519PrivateKey.generate())


def recipe(chance: Random) -> Recipe:
    """One promotion of ordinary size: about 1 KB once it has a header."""
    name, old, new = chance.choice(_WORDS).upper(), chance.randrange(10**6), chance.randrange(10**6)
    path = f"src/{chance.choice(_WORDS)}.py"
    return Recipe(
        task=_TASK,
        project="codec",
        metric=Metric(name="compressed_bytes", direction="lower"),
        files={path: sha256_hex(str(old).encode())},
        edits=(Edit(path=path, search=f"{name}_BITS = {old}\n", replace=f"{name}_BITS = {new}\n"),),
        idea=" ".join(chance.choices(_WORDS, k=12)),
        operator="tune",
        evidence=Measured(pairs=2, gain=chance.random(), lower=0.01, e_value=None),
        guards={"cpu_seconds": round(chance.random(), 4)},
        environment="linux-x86_64-cpython3.11",
    )


def summary(chance: Random) -> Summary:
    """One experiment in numbers: about 1 KB once it has a header."""
    moments = Moments(n=5, mean=chance.random() * 1e4, sd=chance.random())
    return Summary(
        task=_TASK,
        project="codec",
        metric=Metric(name="compressed_bytes", direction="lower"),
        experiment=f"codec-{chance.randrange(10**6)}",
        baseline=moments,
        champion=moments,
        gain=chance.random(),
        operators={"tune": Outcomes(proposed=12, rejected=9, promoted=3)},
        costs=Costs(trials=chance.randrange(100), wall_s=chance.random() * 100, cpu_s=chance.random() * 100),
        environment="linux-x86_64-cpython3.11",
    )
