"""Entries ahead of their place: held, bounded, asked for at once, and dropped where nothing can come of them any more."""

import pytest

from hive_node.simulation import store
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.deltas import Delta
from protocol.envelope import DELTA_TYPE
from protocol.signing import seal
from protocol.wire import dump_json
from tests.fakes.hive import recipe
from tests.simulation.feeds import entry, feed


async def with_eve(sim: HiveSimulator) -> tuple[SimNode, SimNode, SimNode]:
    """Two nodes, and a member that runs none."""
    ada, bo, eve = await sim.hive(3)
    await eve.sleep()
    await sim.pass_time(60)
    return ada, bo, eve


def test_what_lies_between_is_asked_for_at_once_of_who_handed_it_over() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        entries = [one.to_bytes() for one in feed(eve, 5)]
        ada.spread = lambda envelopes, *, source: None  # type: ignore[method-assign]
        await ada.learn.learn(entries, None)
        for contact in bo.network.contacts.values():
            contact.have = ada.hive.digest()  # nothing else tells it that it is behind

        outcomes = await bo.answers.entries([entries[4]], ada.id)

        assert [one.status for one in outcomes] == ["gap"]
        await sim.until(lambda: bo.hive.heads[eve.id].seq == 5 if eve.id in bo.hive.heads else False, 0.5)

    simulate(story)


def test_a_peer_that_only_makes_gaps_is_not_asked_each_time() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        before = sim.wire.traffic[bo.id].messages_out
        for number in range(100):
            await bo.answers.entries([entry(eve, None, 10 + number, "0" * 64).to_bytes()], ada.id)
            await sim.pass_time(0.01)

        assert sim.wire.traffic[bo.id].messages_out - before <= 6  # a status and a sync, a second at most

    simulate(story)


def test_what_is_held_survives_a_restart_and_is_taken_in_when_its_place_comes() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        await ada.sleep()
        entries = [one.to_bytes() for one in feed(eve, 4)]
        assert {one.status for one in await bo.learn.learn(entries[1:], None)} == {"gap"}
        await bo.sleep()
        await bo.wake()
        assert bo.hive.holding == {eve.id}
        await sim.until(lambda: not bo.hive.is_waking)

        assert [one.status for one in await bo.learn.learn(entries[:1], None)] == ["accepted"]

        assert bo.hive.heads[eve.id].seq == 4
        assert bo.store.held == {}

    simulate(story)


@pytest.mark.parametrize("what", ["revoked", "caught", "begun anew"])
def test_what_is_held_of_somebody_who_is_not_heard_any_more_is_dropped(what: str) -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        first, *_, last = feed(eve, 5)
        await ada.learn.learn([first.to_bytes(), last.to_bytes()], bo.id)
        assert len(ada.store.held) == 1

        if what == "revoked":
            await ada.office.revoke(eve.id, "left the company")
        elif what == "caught":
            await ada.learn.learn([entry(eve, recipe()).to_bytes()], bo.id)
        else:
            await ada.office.admit(eve.id, eve.key.member("eve").certificate_der(), "eve", "eve")
        await ada.learn.learn([], bo.id)

        assert ada.store.held == {}
        assert ada.hive.holding == set()

    simulate(story)


def test_the_room_for_all_authors_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "HELD_IN_ALL", 3)

    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        ahead = [entry(eve, None, seq, "0" * 64).to_bytes() for seq in (5, 6, 7)]
        assert {one.status for one in await ada.learn.learn(ahead, bo.id)} == {"gap"}

        (outcome,) = await ada.learn.learn([entry(bo, None, 5, "0" * 64).to_bytes()], bo.id)

        assert (outcome.status, outcome.code) == ("refused", "gap-full")
        assert [one.status for one in await ada.learn.learn([feed(bo, 1)[0].to_bytes()], bo.id)] == ["accepted"]

    simulate(story)


def test_an_entry_of_a_kind_that_nobody_knows_is_stored_passed_on_and_not_read() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        known = entry(eve, recipe())
        tree = known.payload.replace(b'"kind":"recipe"', b'"kind":"dance"')
        odd = seal(DELTA_TYPE, tree, [eve.key])
        assert [one.status for one in await ada.learn.learn([odd.to_bytes()], eve.id)] == ["accepted"]

        await sim.until(lambda: eve.id in bo.hive.heads)
        assert bo.store.entries[eve.id, 1, 1].envelope.to_bytes() == odd.to_bytes()
        assert bo.store.entries[eve.id, 1, 1].delta.body is None
        assert bo.beliefs.tasks() == []

    simulate(story)


def test_a_field_that_nobody_knows_travels_and_is_scanned() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, eve = await with_eve(sim)
        tree = Delta.parse(entry(eve, recipe()).payload).tree()
        assert isinstance(tree, dict)
        secret = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
        clean = seal(DELTA_TYPE, dump_json(tree | {"mood": "merry"}), [eve.key])
        leaky = seal(DELTA_TYPE, dump_json(tree | {"seq": 2, "prev": clean.id, "mood": secret}), [eve.key])

        outcomes = await ada.learn.learn([clean.to_bytes(), leaky.to_bytes()], eve.id)

        assert [(one.status, one.code) for one in outcomes] == [("accepted", None), ("refused", "scope-refused")]
        await sim.until(lambda: eve.id in bo.hive.heads)
        assert b"merry" in bo.store.entries[eve.id, 1, 1].envelope.payload

    simulate(story)
