"""Who belongs, over the life of a hive: revocation, halts, renewal and restarts between real nodes."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from hive_node.adapters import contacts, network
from hive_node.ports import FatalError, Fault
from tests.fakes.hive import recipe, summary
from tests.integration.hives import LiveNode, hive_of, in_turn, introduce, is_in_step, new_home, until
from tests.integration.raw_peer import member_of


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.2)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)


# --- revocation --------------------------------------------------------------------------------------------------------


async def test_a_revoked_member_is_shut_out_by_every_online_node_within_seconds(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        await in_turn([ada, bo, cy], 2)
        await until(lambda: is_in_step(ada, bo, cy))

        await ada.members.revoke(cy.id, "left the company")

        await until(lambda: bo.version == ada.version, seconds=5)
        assert (set(ada.state), set(bo.state)) == ({"n2"}, {"n1"})
        assert ada.contact(cy) is None
        assert bo.contact(cy) is None
        late = await cy.say()  # it does not know yet, and nobody takes it
        await in_turn([ada, bo], 1)
        await until(lambda: is_in_step(ada, bo))
        assert late not in await ada.shown()
        assert late not in await bo.shown()
        assert ada.seq(cy) == bo.seq(cy) == 2


async def test_what_a_revoked_author_said_leaves_the_hives_view(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        entry = await bo.say(recipe())
        await until(lambda: ada.seq(bo) == 1)
        assert [one.id for one in await ada.parts.suggest.suggestions(recipe().task)] == [entry]

        await ada.members.revoke(bo.id, "left")

        assert await ada.parts.suggest.suggestions(recipe().task) == []
        assert entry in await ada.shown()  # the feed stays whole


async def test_what_was_said_after_the_last_number_that_counts_is_dropped_where_it_was_held(tmp_path: Path) -> None:
    """Nodes would else believe differently for ever, by who had heard what."""
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        await until(lambda: bo.version == ada.version)
        first, second = eve.feed(2)
        async with eve.dial(bo) as raw:
            await raw.post(first)
        await until(lambda: ada.seq(eve.id) == bo.seq(eve.id) == 1)
        await ada.members.halt("so that the next entry stays where it is", 5, is_local=True)
        async with eve.dial(bo) as raw:
            await raw.post(second)
        assert (ada.seq(eve.id), bo.seq(eve.id)) == (1, 2)

        await ada.members.revoke(eve.id, "misbehaved")
        await ada.members.resume(is_local=True)

        await until(lambda: bo.version == ada.version and bo.seq(eve.id) == 1)
        assert second.id not in await bo.shown()
        await until(lambda: is_in_step(ada, bo))


async def test_a_node_that_slept_through_a_revocation_refuses_the_first_new_entry_after_waking(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        first, second = eve.feed(2)
        async with eve.dial(ada) as raw:
            await raw.post(first)
        await until(lambda: bo.seq(eve.id) == 1)
        await bo.stop()
        await ada.members.revoke(eve.id, "left")

        await bo.start()
        async with eve.dial(bo) as raw:
            asked = asyncio.create_task(raw.post(second))
            introduce(ada, bo)
            assert await asked == [("refused", "revoked")]  # it waited until bo knew

        assert bo.version == ada.version
        outcomes = await bo.parts.learn.learn([second.to_bytes()], ada.id)
        assert [one.code for one in outcomes] == ["revoked"]


async def test_only_an_admin_changes_the_charter(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        for act in (
            lambda: bo.members.revoke(ada.id, "coup"),
            lambda: bo.members.halt("coup", 5, is_local=False),
            lambda: bo.members.resume(is_local=False),
        ):
            with pytest.raises(Fault) as caught:
                await act()
            assert caught.value.code in {"hive.not-admin", "hive.last-admin"}
        with pytest.raises(Fault) as caught:
            await ada.members.revoke(ada.id, "oops")
        assert caught.value.code == "hive.last-admin"
        assert ada.version == bo.version == 2


# --- leaving -----------------------------------------------------------------------------------------------------------


async def test_leaving_forgets_the_hive_and_closes_the_port(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await in_turn([ada, bo], 2)
        await bo.members.leave()

        await until(lambda: not bo.port)
        assert await bo.shown() == []
        assert bo.state == {}
        assert await bo.say() is None
        with pytest.raises(Fault) as caught:
            await bo.members.leave()
        assert caught.value.code == "hive.none"
        await ada.say()  # and finds nobody there to hear it
        await until(lambda: ada.state == {"n2": "away"})


# --- halt and resume ---------------------------------------------------------------------------------------------------


async def test_a_halt_reaches_everyone_outlives_a_restart_and_is_lifted(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as nodes:
        ada, bo, cy = nodes
        await in_turn(nodes, 1)
        await until(lambda: is_in_step(*nodes))

        await ada.members.halt("looks wrong", 60, is_local=False)

        await until(lambda: all(one.hive.why_halted(one.clock.now()) for one in nodes), seconds=5)
        assert [await one.say() for one in nodes] == [None, None, None]
        await cy.stop()
        await cy.start()
        introduce(ada, bo, cy)
        assert "looks wrong" in (cy.hive.why_halted(cy.clock.now()) or "")
        assert await cy.say() is None

        await ada.members.resume(is_local=False)

        await until(lambda: not any(one.hive.why_halted(one.clock.now()) for one in nodes), seconds=10)
        await in_turn(nodes, 1)
        await until(lambda: is_in_step(*nodes))
        assert [cy.seq(one) for one in nodes] == [2, 2, 2]


async def test_a_local_halt_stops_this_node_alone_and_it_catches_up_after(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await bo.members.halt("presentation", 60, is_local=True)

        assert await bo.say() is None
        entry = await ada.say()
        await bo.stop()
        await bo.start()
        introduce(ada, bo)
        assert await bo.say() is None
        assert bo.seq(ada) == 0

        await bo.members.resume(is_local=True)

        await until(lambda: bo.seq(ada) == 1)
        assert await bo.shown() == [entry]
        assert await bo.say()


async def test_a_halt_ends_by_itself(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await ada.members.halt("until this evening", 60, is_local=False)
        await until(lambda: bo.version == ada.version)
        assert await bo.say() is None

        for node in (ada, bo):
            node.clock.shift = timedelta(minutes=61)

        assert await bo.say()
        await until(lambda: ada.seq(bo) == 1)


# --- a charter's life --------------------------------------------------------------------------------------------------


async def test_an_expired_hive_is_silent_until_its_admin_is_back(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await bo.say()
        await until(lambda: ada.seq(bo) == 1)
        await ada.stop()
        ada.clock.shift = bo.clock.shift = timedelta(days=91)
        assert await bo.say() is None
        assert "expired" in (bo.hive.why_silent(bo.clock.now()) or "")

        await ada.start()  # renews what is due
        introduce(ada, bo)

        await until(lambda: bo.version == 3)
        assert await bo.say()
        await until(lambda: ada.seq(bo) == 2)


async def test_the_chain_is_kept_and_a_restart_begins_where_it_was(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        await ada.members.revoke(cy.id, "left")
        await until(lambda: bo.version == 4)
        before = bo.hive.membership
        await bo.stop()
        await bo.start()

        assert bo.hive.membership == before
        assert before is not None
        assert len(await bo.ground.charters.charters()) == 4


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE charters SET envelope = replace(envelope, 'sig', 'sog') WHERE version = 2", "bad-envelope"),
        ("UPDATE charters SET envelope = substr(envelope, 1, 100) WHERE version = 1", "bad-json"),
        ("DELETE FROM charters WHERE version = 2", "charter-chain"),
        ("DELETE FROM charters WHERE version = 1", "charter-chain"),
        ("UPDATE charters SET version = version + 10; UPDATE charters SET version = 1 WHERE version = 12", "charter"),
    ],
)
async def test_a_stored_chain_that_was_tampered_with_stops_the_start_by_name(
    tmp_path: Path, statement: str, code: str
) -> None:
    async with hive_of(tmp_path, 2) as (ada, _):
        await ada.members.halt("a third version", 5, is_local=False)
    connection = sqlite3.connect(ada.home.database)
    connection.executescript(statement)
    connection.close()

    with pytest.raises(FatalError) as caught:
        await LiveNode(ada.name, ada.home).open()

    assert caught.value.code == "store.charter"
    assert code in str(caught.value)


async def test_a_member_that_the_charter_forgot_is_no_member_after_a_restart_either(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        await ada.members.revoke(cy.id, "left")
        await until(lambda: bo.version == ada.version)
        await bo.stop()
        await bo.start()
        bo.meet(cy)  # its old address, as it is stored

        introduce(ada, bo)
        await until(lambda: bo.state == {"n1": "in step"})
        assert bo.contact(cy) is None


async def test_a_home_without_a_hive_opens_no_port(tmp_path: Path) -> None:
    node = await new_home(tmp_path, "di").start()
    try:
        assert node.port == 0
        assert await node.say(summary()) is None
    finally:
        await node.stop()
