"""Several admins, apart and together: two versions of one charter, and what becomes of them."""

from datetime import timedelta

import pytest

from hive_node.ports import Fault, StoredProposal
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.charter import LIFETIME
from protocol.verification import Membership
from tests.fakes.hive import summary


def digest(node: SimNode) -> str:
    assert node.hive.membership is not None
    return node.hive.membership.digest


def charter(node: SimNode) -> Membership:
    assert node.hive.membership is not None
    return node.hive.membership


def agree(*nodes: SimNode) -> bool:
    return len({digest(node) for node in nodes}) == 1


async def board(sim: HiveSimulator, count: int, admins: int, threshold: int = 1) -> list[SimNode]:
    """A hive whose first nodes are its admins."""
    nodes = await sim.hive(count)
    for other in nodes[1:admins]:
        await nodes[0].office.set_admins(add=other.id)
    await sim.until(lambda: agree(*nodes))
    if threshold > 1:
        await nodes[0].office.set_admins(threshold=threshold)
        await sim.until(lambda: len(nodes[1].store.proposed) == 1)
        await nodes[1].desk.sign(next(iter(nodes[1].store.proposed)))
        await sim.until(lambda: agree(*nodes) and charter(nodes[0]).charter.admins.threshold == threshold)
    return nodes


def halves(sim: HiveSimulator, one: list[SimNode], other: list[SimNode]) -> None:
    sim.part(one, other)


@pytest.mark.parametrize("seed", range(4))
def test_two_admins_apart_change_the_charter_and_both_changes_stand_after(seed: int) -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di, eve = nodes = await board(sim, 5, 2)
        halves(sim, [ada, cy], [bo, di, eve])
        await ada.office.revoke(cy.id, "left")
        await ada.office.set_policy("join", "approve")
        await bo.office.revoke(di.id, "left too")
        await sim.pass_time(600)
        assert not agree(ada, bo)

        sim.wire.heal()
        await sim.until(lambda: agree(ada, bo, eve) and {cy.id, di.id}.isdisjoint(charter(eve).members), seconds=600)

        found = charter(eve).charter
        assert {one.id for one in found.members} == {ada.id, bo.id, eve.id}
        assert found.policy == {"join": "approve"}
        assert [len([one for one in found.revoked if one.id == node.id]) for node in (cy, di)] == [1, 1]
        assert not ada.store.again
        assert not bo.store.again
        assert (await nodes[4].say(summary())) is not None

    simulate(story, seed=seed)


def test_the_change_of_an_admin_that_slept_meanwhile_is_made_again_after_its_restart() -> None:
    async def story(sim: HiveSimulator) -> None:
        for_again = 0
        ada, bo, cy = await board(sim, 3, 2)
        sim.part([ada], [bo, cy])
        await bo.office.set_admins(add=cy.id)
        await ada.office.halt("stop", timedelta(hours=9))
        await sim.until(lambda: agree(bo, cy))
        sim.wire.heal()
        # Whoever loses is put to sleep the moment it has switched, before it made its change again.
        while not for_again:
            await sim.pass_time(0.001)
            for node in (ada, bo):
                if node.store.again:
                    await node.sleep()
                    for_again += 1
                    break
            if agree(ada, bo) and charter(ada).charter.halt and cy.id in charter(ada).charter.admins.ids:
                break
        for node in (ada, bo):
            if not node.is_awake:
                await node.wake()
        await sim.until(lambda: agree(ada, bo, cy) and charter(cy).charter.halt is not None, seconds=900)
        assert cy.id in charter(cy).charter.admins.ids

    for seed in range(3):
        simulate(story, seed=seed)


def test_an_admin_dismissed_meanwhile_does_not_come_back_by_what_it_issued_apart() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di = await board(sim, 4, 2)
        sim.part([bo, di], [ada, cy])
        await ada.office.set_admins(drop=bo.id)
        for _ in range(3):
            await bo.office.set_policy("join", "approve")
            await bo.office.set_policy("join", "open")
        await bo.office.revoke(cy.id, "a coup")
        await sim.until(lambda: agree(bo, di) and agree(ada, cy))

        sim.wire.heal()
        await sim.until(lambda: agree(ada, bo, cy, di), seconds=600)

        assert charter(di).charter.admins.ids == (ada.id,)
        assert cy.id in charter(di).members
        assert charter(di).charter.policy == {}

    for seed in range(3):
        simulate(story, seed=seed)


def test_two_admins_that_dismissed_each_other_stay_apart_and_say_so() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = await board(sim, 3, 2)
        sim.part([ada], [bo, cy])
        await ada.office.set_admins(drop=bo.id)
        await bo.office.set_admins(drop=ada.id)
        await sim.until(lambda: agree(bo, cy))
        before = digest(ada), digest(bo)

        sim.wire.heal()
        await sim.until(lambda: ada.hive.fork is not None and bo.hive.fork is not None, seconds=600)

        assert (digest(ada), digest(bo)) == before
        assert "charter-rollback" in (ada.hive.fork or "")

    simulate(story)


def test_a_revocation_is_in_force_again_with_its_cut_where_another_branch_displaced_it() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di = await board(sim, 4, 2)
        for _ in range(3):
            await cy.say(summary())
        await sim.until(sim.is_in_step)
        sim.part([ada], [bo, cy, di])
        await ada.office.revoke(cy.id, "left", last_seq=1)
        assert ada.hive.heads[cy.id].seq == 1
        await bo.office.set_policy("join", "approve")
        await cy.say(summary())

        sim.wire.heal()
        await sim.until(lambda: agree(ada, bo, di) and cy.id not in charter(di).members, seconds=600)

        await sim.until(lambda: all(node.hive.heads[cy.id].seq == 1 for node in (ada, bo, di)), seconds=600)

    for seed in range(4):
        simulate(story, seed=seed)


def test_admins_renew_in_turn_and_not_at_once() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = await board(sim, 3, 3)
        version = charter(ada).charter.version
        for node in (ada, bo, cy):
            sim.skew(node, LIFETIME * 2 / 3 + timedelta(hours=1))
        await sim.pass_time(1200)
        await sim.until(lambda: agree(ada, bo, cy))
        assert charter(ada).charter.version == version + 1
        assert charter(ada).envelope.signatures[0].keyid == ada.id

        await ada.sleep()
        for node in (bo, cy):
            sim.skew(node, 2 * (LIFETIME * 2 / 3 + timedelta(hours=4)))
        await sim.pass_time(1200)
        await sim.until(lambda: agree(bo, cy))
        assert charter(bo).charter.version == version + 2
        assert charter(bo).envelope.signatures[0].keyid == bo.id

    simulate(story)


def test_two_of_three_must_sign_and_nothing_happens_before() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di = await board(sim, 4, 3, threshold=2)
        version = charter(ada).charter.version
        proposed = await ada.office.revoke(di.id, "left")
        assert isinstance(proposed, StoredProposal)
        await sim.until(lambda: len(bo.store.proposed) == len(cy.store.proposed) == 1)
        assert charter(di).charter.version == version
        assert not di.store.proposed

        await cy.desk.sign(proposed.id[:8])
        await sim.until(lambda: agree(ada, bo, cy) and di.id not in charter(ada).members)

    simulate(story)


def test_a_change_of_the_board_itself_is_signed_by_who_comes_in() -> None:
    """Version n+1 takes the signatures of its own admins: who is to become one hears of it, and nobody else."""

    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = await sim.hive(3)
        await ada.office.set_admins(add=bo.id, threshold=2)
        await sim.until(lambda: len(bo.store.proposed) == 1)
        assert not cy.store.proposed
        await bo.desk.sign(next(iter(bo.store.proposed))[:6])
        await sim.until(lambda: agree(ada, bo, cy) and charter(cy).charter.admins.threshold == 2)
        await sim.until(lambda: not ada.store.proposed and not bo.store.proposed)

    simulate(story)


def test_a_proposal_that_another_version_overtook_is_proposed_again_on_top() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di = await board(sim, 4, 3, threshold=2)
        sim.part([ada], [bo, cy, di])
        halt = await ada.office.halt("careful", timedelta(hours=9))
        policy = await bo.office.set_policy("join", "approve")
        await sim.until(lambda: len(cy.store.proposed) == 1)
        await cy.desk.sign(policy.id)  # type: ignore[union-attr]
        sim.wire.heal()

        await sim.until(lambda: agree(*sim.nodes) and len(cy.store.proposed) == len(bo.store.proposed) == 1)

        (again,) = cy.store.proposed.values()
        assert again.id != halt.id  # type: ignore[union-attr]
        assert again.change == halt.change  # type: ignore[union-attr]
        await bo.desk.sign(again.id[:8])
        await sim.until(lambda: agree(*sim.nodes) and charter(di).charter.halt is not None)
        assert charter(di).charter.policy == {"join": "approve"}

    simulate(story)


def test_a_proposal_is_withdrawn_or_turned_down_and_everybody_sees_by_whom() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = await board(sim, 3, 3, threshold=2)
        proposed = await ada.office.set_policy("join", "approve")
        await sim.until(lambda: len(bo.store.proposed) == len(cy.store.proposed) == 1)
        await cy.desk.turn_down(proposed.id[:8])  # type: ignore[union-attr]

        def seen(node: SimNode) -> set[str]:
            return {one for stored in node.store.proposed.values() for one in stored.turned_down}

        await sim.until(lambda: seen(ada) == seen(bo) == {cy.id})
        await ada.desk.turn_down(proposed.id[:8])  # type: ignore[union-attr]
        await sim.until(lambda: seen(bo) == {ada.id, cy.id})
        with pytest.raises(Fault) as caught:
            await bo.desk.sign(proposed.id[:8])  # type: ignore[union-attr]
        assert caught.value.code == "hive.withdrawn"

    simulate(story)


def test_a_member_whose_epoch_an_admin_raised_begins_again_at_one_everywhere() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = nodes = await sim.hive(3)
        for _ in range(3):
            await bo.say(summary())
        await sim.until(sim.is_in_step)
        await ada.office.raise_epoch(bo.id)
        await sim.until(lambda: agree(*nodes))

        await bo.say(summary())

        await sim.until(
            lambda: all((node.hive.heads[bo.id].epoch, node.hive.heads[bo.id].seq) == (2, 1) for node in nodes)
        )
        await cy.sleep()
        await cy.wake()
        assert cy.hive.heads[bo.id].epoch == 2

    simulate(story)


def test_a_node_under_other_rules_than_its_hives_shares_nothing_and_says_why_until_they_are_the_same() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo = nodes = await sim.hive(2)
        newer = "b" * 64
        ada.hive.rules = bo.hive.rules = charter(ada).charter.constitution
        assert await bo.say(summary())
        ada.hive.rules = newer
        assert await ada.say(summary()) is None
        assert "constitution" in (ada.hive.why_silent(ada.clock.now()) or "")

        await ada.office.adopt_constitution(newer)
        await sim.until(lambda: agree(*nodes))

        assert await ada.say(summary())
        assert await bo.say(summary()) is None
        await sim.until(lambda: bo.hive.heads.get(ada.id) is not None)  # it goes on reading
        assert bo.hive.heads[bo.id].seq == 1  # and what it said under the rules of then counts on

    simulate(story)
