"""Charters between real nodes, and what a member, an admin or a former one can do with them over a socket."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters import contacts, network
from hive_node.learn.forks import digest_of
from hive_node.ports import StoredProposal
from protocol.envelope import CHARTER_TYPE
from protocol.limits import PROPOSALS_PER_ADMIN
from protocol.signing import seal
from protocol.verification import Membership, verify_chain
from tests.fakes.hive import FakeNode, admins, sealed
from tests.integration.hives import LiveNode, hive_of, introduce, until
from tests.integration.raw_peer import Member, Raw, member_of
from tests.integration.test_federation_lying_peers import Liar, lying, ok


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.2)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)


def held(node: LiveNode) -> Membership:
    assert node.hive.membership is not None
    return node.hive.membership


def successor(node: LiveNode, *signers: FakeNode, **changes: Any) -> bytes:
    membership = held(node)
    charter = membership.charter.succeed(membership.hive, membership.digest, node.clock.now(), **changes)
    return sealed(charter.payload(), *signers)


async def offer(raw: Raw, *envelopes: bytes, held: object = None) -> str:
    """The code that an offer of proposals is refused by; nothing where it is taken."""
    body = b"\n".join([json.dumps({"held": held or {}}).encode(), *envelopes])
    reply = await raw.ask("POST", "/hive/v1/proposals", body)
    return "" if reply.status == 200 else reply.code


# --- proposals ---------------------------------------------------------------------------------------------------------


async def test_two_admins_sign_and_nothing_has_any_effect_before_nor_after_a_restart_in_between(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        proposed = await ada.members.set_admins(bo.id, None, 2)
        assert isinstance(proposed, StoredProposal)
        version = ada.version
        await bo.stop()
        await bo.start()
        introduce(ada, bo, cy)

        async def signs() -> None:
            while not [one for one in await bo.parts.proposals.open() if one.proposal.digest == proposed.id]:
                await asyncio.sleep(0.05)
            assert (ada.version, bo.version, cy.version) == (version, version, version)
            assert await cy.parts.proposals.open() == []
            await bo.parts.proposals.sign(proposed.id[:8])

        async with asyncio.timeout(20):
            await signs()

        await until(lambda: ada.version == bo.version == cy.version == version + 1)
        assert held(cy).charter.admins.threshold == 2
        halt = await bo.members.halt("both must say so", 60, is_local=False)
        assert isinstance(halt, StoredProposal)
        assert bo.hive.why_halted(bo.clock.now()) is None


async def test_who_is_no_admin_proposes_nothing_and_sees_nothing(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, _bo):
        eve = await member_of(ada, "eve")
        coup = successor(ada, eve.who, admins=admins(eve.who))
        async with eve.dial(ada) as raw:
            assert await offer(raw) == "not-an-admin"
            assert await offer(raw, coup) == "not-an-admin"
        assert await ada.ground.charters.proposals() == []


async def test_an_admins_proposals_are_checked_whole_and_counted(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        await ada.members.set_admins(eve.id, None, None)
        stranger = FakeNode("stranger")
        both = {"admins": admins(eve.who, threshold=1).model_copy(update={"ids": (ada.id, eve.id), "threshold": 2})}
        unsigned = json.loads(successor(ada, eve.who, **both))
        unsigned["signatures"][0]["sig"] = unsigned["signatures"][0]["sig"][::-1].replace("=", "") + "=="
        version = ada.version
        async with eve.dial(ada) as raw:
            for wrong, code in (
                (successor(ada, stranger, **both), "bad-envelope"),
                (successor(ada, eve.who, stranger, **both), "bad-envelope"),
                (seal(CHARTER_TYPE, b"{}", [eve.who.signer]).to_bytes(), "bad-schema"),
                (b"{}", "bad-envelope"),
                (b"x" * 2**20 + b"x", "too-large"),
            ):
                assert await offer(raw, wrong) == code
        async with eve.dial(ada) as raw:
            for shape in ([], {"x": 1}, {"a" * 64: {"signers": "eve", "turned_down": False}}):
                assert await offer(raw, held=shape) in {"bad-schema", ""}
            for number in range(PROPOSALS_PER_ADMIN):
                assert await offer(raw, successor(ada, eve.who, name=f"hive {number}", **both)) == ""
            assert await offer(raw, successor(ada, eve.who, name="one more", **both)) == "too-many"
        assert ada.version == version
        assert len(await ada.ground.charters.proposals()) == PROPOSALS_PER_ADMIN


# --- two versions after one --------------------------------------------------------------------------------------------


def answering(chain: Sequence[bytes], version: int, digest: str) -> Any:
    """A peer's port that holds another chain."""

    async def script(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        if path.endswith("/node"):
            writer.write(liar.status(charter_version=version, charter=digest))
        else:
            writer.write(ok(b"\n".join(chain[int(path.rpartition("=")[2]) - 1 :])))

    return script


async def fork_by(node: LiveNode, eve: Member, base: int, **changes: Any) -> tuple[list[bytes], str]:
    """The node's chain up to `base`, and one more version that eve alone signed on top."""
    chain = (await node.ground.charters.charters())[:base]
    shared = verify_chain(chain, held(node).hive)
    charter = shared.charter.succeed(shared.hive, shared.digest, node.clock.now(), **changes)
    raw = sealed(charter.payload(), eve.who)
    return [*chain, raw], digest_of(raw)


async def test_an_admin_that_was_dismissed_offers_another_charter_in_vain_and_people_are_told(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        await ada.members.set_admins(eve.id, None, None)
        base = ada.version
        await ada.members.set_admins(None, eve.id, None)
        chain, digest = await fork_by(ada, eve, base, name="eve's hive")
        before = held(ada).digest

        async with lying(eve, answering(chain, base + 1, digest)) as liar:
            ada.parts.network.suggest("127.0.0.1", liar.port, "static")  # type: ignore[union-attr]
            await until(lambda: ada.hive.fork)

        assert "charter-rollback" in (ada.hive.fork or "")
        assert held(ada).digest == before


async def test_an_honest_fork_over_a_socket_is_taken_or_kept_by_its_digest(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        await ada.members.set_admins(eve.id, None, None)
        base = ada.version
        await ada.members.set_policy("join", "approve")
        ours = held(ada).digest
        number = 0
        while True:  # ground until it is smaller: allowed to an admin, and of no use to it
            chain, digest = await fork_by(ada, eve, base, name=f"hive {number}")
            number += 1
            if digest < ours:
                break

        async with lying(eve, answering(chain, base + 1, digest)) as liar:
            ada.parts.network.suggest("127.0.0.1", liar.port, "static")  # type: ignore[union-attr]
            await until(lambda: ada.version == base + 2)

        assert held(ada).charter.previous == digest
        assert held(ada).charter.policy == {"join": "approve"}  # made again on top
        assert held(ada).charter.name == f"hive {number - 1}"
        async with asyncio.timeout(10):
            while await ada.ground.charters.to_issue_again():
                await asyncio.sleep(0.05)
        restarted = held(ada).digest
        await ada.stop()
        await ada.start()
        assert held(ada).digest == restarted
