"""What a node knows of its hive: who is heard, who is shunned, what it has, and when it is silent."""

import asyncio
from datetime import timedelta

import pytest

import hive_node.hive
from hive_node.hive import Hive
from protocol.charter import LIFETIME, Halt, stamp
from protocol.errors import Code
from protocol.feed import Head
from protocol.ids import EntryId
from tests.fakes.hive import NOW, FakeHive, FakeNode

ADA, BO, CY, DI = (FakeNode(seed) for seed in ("ada", "bo", "cy", "di"))
HIVE = FakeHive.found(ADA, BO, CY)
ONE, TWO = EntryId("1" * 64), EntryId("2" * 64)


def hive_of(fake: FakeHive = HIVE, node: FakeNode = ADA) -> Hive:
    return Hive(node.id, fake.membership)


def without(*gone: FakeNode, keep_history: bool) -> FakeHive:
    left = [node.member() for node in (ADA, BO, CY) if node not in gone]
    return HIVE.amend(ADA, members=left, revoked=[one.revocation(5, keep_history=keep_history) for one in gone])


def test_a_revoked_nodes_word_counts_only_where_its_history_was_kept() -> None:
    assert hive_of(without(CY, keep_history=False)).owners() == {ADA.id: "ada", BO.id: "bo"}
    assert hive_of(without(CY, keep_history=True)).owners() == {ADA.id: "ada", BO.id: "bo", CY.id: "cy"}


def test_a_revocation_of_somebody_who_never_belonged_gives_nobody_a_vote() -> None:
    strange = HIVE.amend(ADA, revoked=[DI.revocation(5, keep_history=True)])
    assert hive_of(strange).owners() == hive_of().owners()
    assert Hive(ADA.id).owners() == {}


def test_a_quarantine_ends_with_the_epoch_it_was_of() -> None:
    hive = hive_of()
    hive.equivocators = {BO.id: 1}
    assert hive.quarantined == {BO.id}

    again = [ADA.member(), BO.member(epoch=2), CY.member()]
    hive.membership = HIVE.amend(ADA, members=again).membership
    assert hive.quarantined == set()
    hive.equivocators = {BO.id: 2}
    assert hive.quarantined == {BO.id}


def test_feeds_that_others_would_refuse_are_not_in_the_have_vector() -> None:
    again = [ADA.member(), BO.member(epoch=2)]
    hive = hive_of(HIVE.amend(ADA, members=again, revoked=[CY.revocation(5)]))
    hive.heads = {ADA.id: Head(1, 3, ONE), BO.id: Head(1, 9, ONE), CY.id: Head(1, 5, ONE), DI.id: Head(1, 1, ONE)}

    assert hive.have().keys() == {ADA.id, CY.id}
    hive.heads[BO.id] = Head(2, 1, TWO)
    assert hive.have().keys() == {ADA.id, BO.id, CY.id}
    assert Hive(ADA.id, heads=hive.heads).have() == {}


def test_ends_of_quarantined_feeds_keep_nobody_out_of_step() -> None:
    one, other = hive_of(), hive_of(node=BO)
    one.heads = {ADA.id: Head(1, 3, ONE), CY.id: Head(1, 1, ONE)}
    other.heads = {ADA.id: Head(1, 3, ONE), CY.id: Head(1, 2, TWO)}
    assert one.digest() != other.digest()

    one.equivocators = other.equivocators = {CY.id: 1}
    assert one.digest() == other.digest()


def test_our_own_head_is_that_of_our_present_epoch() -> None:
    hive = hive_of(node=BO)
    hive.heads = {BO.id: Head(1, 9, ONE)}
    assert hive.own_head == Head(1, 9, ONE)

    hive.membership = HIVE.amend(ADA, members=[ADA.member(), BO.member(epoch=2)]).membership
    assert (hive.own_epoch, hive.own_head) == (2, None)


def test_why_nothing_is_taken_in_has_one_reason_after_the_other() -> None:
    until = stamp(NOW + LIFETIME * 2)
    halted = HIVE.amend(ADA, halt=Halt(reason="x", at=stamp(NOW), until=until))
    for hive, now, code in (
        (Hive(ADA.id), NOW, Code.NOT_A_MEMBER),
        (hive_of(node=DI), NOW, Code.NOT_A_MEMBER),
        (hive_of(), NOW + LIFETIME, Code.CHARTER_EXPIRED),
        (hive_of(halted), NOW + LIFETIME, Code.CHARTER_EXPIRED),
        (hive_of(halted), NOW, Code.HALTED),
        (hive_of(), NOW, None),
    ):
        assert hive.refusal(now) is code
    here = hive_of()
    here.local_halt = "not now"
    assert here.refusal(NOW) is Code.HALTED


def test_a_node_that_was_found_out_says_what_to_do() -> None:
    hive = hive_of()
    hive.equivocators = {ADA.id: 1}

    assert "new invite" in (hive.why_silent(NOW) or "")
    assert hive.refusal(NOW) is None  # it still hears the others
    assert "expired" in (hive.why_silent(NOW + LIFETIME) or "")
    assert "revoked" in (hive_of(without(CY, keep_history=False), CY).why_silent(NOW) or "")
    assert hive_of().why_silent(NOW + timedelta(days=1)) is None


async def test_the_first_word_waits_for_peers_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    hive = hive_of()
    waiting = asyncio.get_running_loop().create_task(hive.ask_for_feed())
    await asyncio.sleep(0)
    assert not waiting.done()
    hive.peers_were_asked()
    await waiting

    await hive_of(FakeHive.found(ADA)).ask_for_feed()  # nobody else
    await Hive(ADA.id).ask_for_charter()
    monkeypatch.setattr(hive_node.hive, "FIRST_WORD_S", 0.01)
    lonely = hive_of()
    await lonely.ask_for_charter()  # nobody answers
    assert lonely.charter_asked.is_set()
    assert not lonely.feed_asked.is_set()
