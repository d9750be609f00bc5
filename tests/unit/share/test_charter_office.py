"""What an admin's node issues, and when: renewal by a clock that a test holds, and acts that come all at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hive_node.hive import Hive
from hive_node.ports import Fault, StoredProposal
from hive_node.share.charters import LONGEST_HALT, CharterOffice
from hive_node.simulation.store import MemoryStore
from protocol.charter import LIFETIME, parse_stamp
from tests.fakes.hive import CONSTITUTION, FakeHive, FakeNode, admins
from tests.fakes.time import HeldClock

ADA, BO, CY = (FakeNode(seed) for seed in ("ada", "bo", "cy"))
DAY_S = 24 * 3600.0


class Desk:
    """An admin's office over a hive of one."""

    def __init__(self, fake: FakeHive | None = None, node: FakeNode = ADA) -> None:
        self.clock = HeldClock()
        self.store = MemoryStore()
        self.store.chain = list(fake.chain) if fake else []
        self.hive = Hive(node.id, fake.membership if fake else None)
        self.hive.peers_were_asked()
        self.told: list[int] = []
        log: Any = self.store
        self.office = CharterOffice(
            self.hive, log, node.signer, self.clock, lambda one: self.told.append(one.charter.version), self.restored
        )

    async def restored(self) -> None:
        self.hive.heads = await self.store.heads({})

    @property
    def version(self) -> int:
        assert self.hive.membership is not None
        return self.hive.membership.charter.version

    async def admit(self, node: FakeNode) -> None:
        await self.office.admit(node.id, node.certificate(), node.seed, node.seed)


async def test_a_charter_is_renewed_when_a_third_of_its_life_is_left_and_no_sooner() -> None:
    desk = Desk(FakeHive.found(ADA, BO))
    desk.clock.seconds = (LIFETIME * 2 / 3).total_seconds() - 1
    assert await desk.office.renew_if_due() is None

    desk.clock.seconds += 1
    renewed = await desk.office.renew_if_due()

    assert renewed is not None
    assert desk.version == 2
    assert parse_stamp(renewed.charter.expires_at) == desk.clock.now() + LIFETIME
    assert renewed.charter.members == FakeHive.found(ADA, BO).membership.charter.members
    assert await desk.office.renew_if_due() is None


async def test_an_expired_charter_is_renewed_too() -> None:
    desk = Desk(FakeHive.found(ADA, BO))
    desk.clock.seconds = LIFETIME.total_seconds() + 400 * DAY_S

    assert await desk.office.renew_if_due() is not None
    assert desk.hive.refusal(desk.clock.now()) is None


@pytest.mark.parametrize(
    ("fake", "node"),
    [
        (None, ADA),
        (FakeHive.found(ADA, BO), BO),
    ],
    ids=["in no hive", "no admin"],
)
async def test_who_cannot_renew_does_not_try(fake: FakeHive | None, node: FakeNode) -> None:
    desk = Desk(fake, node)
    desk.clock.seconds = LIFETIME.total_seconds()
    assert await desk.office.renew_if_due() is None


async def test_where_one_signature_is_not_enough_the_renewal_is_proposed_once() -> None:
    desk = Desk(FakeHive.found(ADA, BO, signers=[ADA, BO], admins=admins(ADA, BO, threshold=2)))
    desk.clock.seconds = LIFETIME.total_seconds()

    proposed = await desk.office.renew_if_due()

    assert isinstance(proposed, StoredProposal)
    assert proposed.change.is_renewal
    assert await desk.office.renew_if_due() is None
    assert desk.version == 1


async def test_admins_take_turns_at_renewing() -> None:
    fake = FakeHive.found(ADA, BO, CY, admins=admins(ADA, BO, CY))
    desk = Desk(fake, CY)
    desk.clock.seconds = (LIFETIME * 2 / 3 + timedelta(hours=12)).total_seconds() - 1
    assert await desk.office.renew_if_due() is None

    desk.clock.seconds += 1
    assert await desk.office.renew_if_due() is not None


# --- who may issue ------------------------------------------------------------------------------------------------------


async def test_admins_are_made_and_unmade() -> None:
    desk = Desk(FakeHive.found(ADA, BO, CY))
    await desk.office.set_admins(add=BO.id)
    await desk.office.set_admins(add=CY.id, drop=BO.id)
    assert desk.hive.membership is not None
    assert desk.hive.membership.charter.admins.ids == (ADA.id, CY.id)


async def test_an_admin_that_steps_down_needs_the_word_of_one_that_stays() -> None:
    """Version n+1 is signed by its own admins too: nobody leaves a hive without a working one."""
    desk = Desk(FakeHive.found(ADA, BO, admins=admins(ADA, BO)))

    proposed = await desk.office.set_admins(drop=ADA.id)

    assert isinstance(proposed, StoredProposal)
    assert desk.version == 1


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda office: office.set_admins(drop=ADA.id), "hive.last-admin"),
        (lambda office: office.set_admins(threshold=2), "hive.threshold"),
        (lambda office: office.set_admins(add=CY.id), "hive.unknown-member"),
        (lambda office: office.set_admins(drop=BO.id), "hive.no-admin"),
        (lambda office: office.set_admins(add=ADA.id), "hive.unchanged"),
        (lambda office: office.raise_epoch(CY.id), "hive.unknown-member"),
        (lambda office: office.set_policy("join", "whatever"), "hive.unknown-policy"),
        (lambda office: office.set_policy("share", "all"), "hive.unknown-policy"),
        (lambda office: office.adopt_constitution(CONSTITUTION), "hive.same-constitution"),
        (lambda office: office.revoke(ADA.id, "oops"), "hive.last-admin"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name_and_issues_nothing(act: Any, code: str) -> None:
    desk = Desk(FakeHive.found(ADA, BO))
    with pytest.raises(Fault) as caught:
        await act(desk.office)
    assert caught.value.code == code
    assert desk.version == 1


async def test_an_admin_is_revoked_while_others_remain_and_enough_of_them() -> None:
    desk = Desk(FakeHive.found(ADA, BO, CY, admins=admins(ADA, BO)))
    await desk.office.revoke(BO.id, "left", last_seq=7, keep_history=True)

    assert desk.hive.membership is not None
    charter = desk.hive.membership.charter
    assert charter.admins.ids == (ADA.id,)
    assert [(one.id, one.last_seq, one.keep_history) for one in charter.revoked] == [(BO.id, 7, True)]


async def test_acts_that_come_at_once_are_issued_one_after_the_other() -> None:
    desk = Desk(FakeHive.found(ADA))
    joiners = [FakeNode(f"joiner {number}") for number in range(10)]

    await asyncio.gather(*(desk.admit(one) for one in joiners), desk.office.halt("x", timedelta(hours=1)))

    assert desk.version == len(desk.store.chain) == 12
    assert desk.told == list(range(2, 13))
    assert desk.hive.membership is not None
    assert desk.hive.membership.members.keys() == {one.id for one in (ADA, *joiners)}
    assert desk.hive.membership.charter.halt is not None


async def test_who_comes_again_begins_a_higher_epoch_than_ever_before() -> None:
    desk = Desk(FakeHive.found(ADA))
    epochs = []
    for _ in range(3):
        await desk.admit(BO)
        assert desk.hive.membership is not None
        epochs.append(desk.hive.membership.epoch(BO.id))
        await desk.office.revoke(BO.id, "left")

    assert epochs == [1, 2, 3]


async def test_a_version_that_could_not_be_written_is_not_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(FakeHive.found(ADA))

    async def full(*_arguments: Any) -> None:
        raise Fault("store.disk-full", "full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "add_charter", full)
        with pytest.raises(Fault):
            await desk.admit(BO)
    assert desk.version == 1
    assert desk.told == []
    await desk.admit(BO)
    assert desk.version == 2


@pytest.mark.parametrize("lasting", [timedelta(0), timedelta(seconds=-1), LONGEST_HALT + timedelta(seconds=1)])
async def test_a_halt_has_an_end_that_is_near(lasting: timedelta) -> None:
    with pytest.raises(Fault) as caught:
        await Desk(FakeHive.found(ADA)).office.halt("x", lasting)
    assert caught.value.code == "hive.bad-halt"


async def test_a_hive_is_founded_once_and_by_somebody_in_none() -> None:
    desk = Desk()
    founded = await desk.office.found("ours", ADA.member(), CONSTITUTION)
    assert founded.members.keys() == {ADA.id}
    with pytest.raises(Fault) as caught:
        await desk.office.found("another", ADA.member(), CONSTITUTION)
    assert caught.value.code == "hive.exists"
    with pytest.raises(Fault) as caught:
        await Desk().office.resume()
    assert caught.value.code == "hive.none"


async def test_an_admin_that_just_started_asks_for_newer_charters_before_it_issues_one() -> None:
    desk = Desk(FakeHive.found(ADA, BO))
    desk.hive.charter_asked.clear()
    halting = asyncio.get_running_loop().create_task(desk.office.halt("x", timedelta(hours=1)))
    await asyncio.sleep(0)
    assert not halting.done()

    desk.hive.charter_asked.set()
    await halting
    assert desk.version == 2
