"""What an admin's node issues, and when: renewal by a clock that a test holds, and acts that come all at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hive_node.hive import Hive
from hive_node.ports import Fault
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
            self.hive, log, node.signer, self.clock, lambda one: self.told.append(one.charter.version)
        )

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
        (FakeHive.found(ADA, BO, signers=[ADA, BO], admins=admins(ADA, BO, threshold=2)), ADA),
    ],
    ids=["in no hive", "no admin", "one of two"],
)
async def test_who_cannot_renew_alone_does_not_try(fake: FakeHive | None, node: FakeNode) -> None:
    desk = Desk(fake, node)
    desk.clock.seconds = LIFETIME.total_seconds()
    assert await desk.office.renew_if_due() is None


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
