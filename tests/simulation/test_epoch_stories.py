"""What counts does not depend on who heard what in time: an author's old epoch counts nowhere once it has a new one."""

from hive_node.adapters.tls import certificate_of
from hive_node.learn.aggregate import Beliefs
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.deltas import Replication
from tests.fakes.hive import TASK, measured, recipe, summary


async def rebuilt(node: SimNode) -> bytes:
    """The view folded again from everything that the node stored."""
    beliefs = Beliefs(node.hive)
    await beliefs.rebuild(node.store)  # type: ignore[arg-type]
    belief = beliefs.belief(TASK)
    return belief.to_json() if belief else b""


def view(node: SimNode) -> bytes:
    belief = node.belief(TASK)
    return belief.to_json() if belief else b""


async def raise_epoch(admin: SimNode, member: SimNode) -> None:
    """As an admin does for a node that lost its feed's numbers."""
    await admin.office.admit(member.id, certificate_of(member.key), member.owner, member.name)


def test_rebuilt_incremental_and_a_newcomers_view_are_one_after_an_epoch_was_raised() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, newcomer = await sim.hive(4)
        await newcomer.sleep()
        offered = await bo.say(recipe())
        assert offered is not None
        await bo.say(summary(0.3))
        built_on = await cy.say(recipe(idea="wider still", parents=[offered]))
        await cy.say(Replication(recipe=offered, task=TASK, outcome="confirmed", evidence=measured(), environment="x"))
        await sim.until(sim.is_in_step)
        assert offered in view(ada).decode()

        await raise_epoch(ada, bo)
        await sim.until(lambda: all(one.hive.epochs()[bo.id] == 2 for one in (ada, bo, cy)))
        await newcomer.wake()
        await sim.until(sim.is_in_step)

        assert newcomer.hive.heads.keys().isdisjoint({bo.id})  # nobody sends it the old epoch any more
        assert {view(node) for node in sim.nodes} == {view(ada)} == {await rebuilt(node) for node in sim.nodes}
        assert f'"id":"{offered}"' not in view(ada).decode()
        # What builds on it is still there, but nobody is handed an ancestor that others do not have.
        for node in (ada, newcomer):
            suggested = await node.suggestions(TASK)
            assert [one.id for one in suggested] == [built_on]
            assert await node.suggest.ancestors(suggested[0]) == ()

    simulate(story)


def test_an_author_counts_again_from_its_first_word_in_the_new_epoch() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy = await sim.hive(3)
        first = await bo.say(recipe())
        await sim.until(sim.is_in_step)
        await raise_epoch(ada, bo)
        await sim.until(lambda: bo.hive.own_epoch == 2)

        again = await bo.say(recipe(idea="again"))

        await sim.until(lambda: all(node.hive.heads[bo.id].epoch == 2 for node in sim.nodes))
        for node in sim.nodes:
            belief = node.belief(TASK)
            assert belief is not None
            assert belief.to_json() == await rebuilt(node)
            assert first != again
            assert [one.id for one in belief.recipes] == [again]
        await cy.sleep()
        await cy.wake()
        assert view(cy) == view(ada)

    simulate(story)
